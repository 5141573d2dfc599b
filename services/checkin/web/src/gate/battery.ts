// The Battery Status API, which TypeScript's DOM library leaves out and only Chromium has.
interface BatteryManager extends EventTarget {
  readonly level: number;
  readonly charging: boolean;
}

export interface Battery {
  readonly level: number;
  readonly charging: boolean;
}

/** Follows the battery where the browser tells of it. */
export async function watchBattery(changed: (battery: Battery) => void): Promise<void> {
  const { getBattery } = navigator as { getBattery?: () => Promise<BatteryManager> };
  const manager = await getBattery?.call(navigator).catch(() => null);
  if (!manager) return;
  const tell = () => changed({ level: manager.level, charging: manager.charging });
  manager.addEventListener('chargingchange', tell);
  manager.addEventListener('levelchange', tell);
  tell();
}
