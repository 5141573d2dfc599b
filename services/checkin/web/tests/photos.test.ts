import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Copy } from '../src/gate/copy';
import { answerTo, transact, wipePeople } from '../src/gate/database';
import { Photos, type Surroundings } from '../src/gate/photos';
import { badge, changes } from './fakes';

const JPEG = [0xff, 0xd8, 0xff];

/** A server that has these people's photos, each with a byte of its own; answers who was asked for. */
function serve(photos: Readonly<Record<string, number>>): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    const who = path.split('/').at(-2) ?? '';
    asked.push(who);
    const mark = photos[who];
    return mark === undefined
      ? new Response('{}', { status: 404 })
      : new Response(new Uint8Array([...JPEG, mark]));
  });
  return asked;
}

function cut(): void {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('network');
  });
}

/** People with badges and, by their names, the edition of their photo. */
function people(editions: Readonly<Record<string, number | null>>): Copy {
  const copy = new Copy();
  const badges = Object.entries(editions).map(([registration_id, photo]) =>
    badge({ badge_id: registration_id, registration_id, number: null, photo }),
  );
  copy.apply(changes({ badges }), 0);
  return copy;
}

type Changing = { -readonly [Name in keyof Surroundings]: Surroundings[Name] };

function around(editions: Readonly<Record<string, number | null>>): Changing {
  return { copy: people(editions), token: 'token', busy: false, keeping: true };
}

const ada = { registration_id: 'ada', photo: 2 };

async function mark(photo: Blob | null): Promise<number | undefined> {
  return photo ? new Uint8Array(await photo.arrayBuffer()).at(-1) : undefined;
}

function onDisk(): Promise<unknown[]> {
  return transact(['photos'], 'readonly', (transaction) =>
    answerTo(transaction.objectStore('photos').getAllKeys()),
  );
}

const eventually = (keys: unknown[]) => vi.waitFor(async () => expect(await onDisk()).toEqual(keys));

beforeEach(() => wipePeople());
afterEach(() => vi.unstubAllGlobals());

describe('a photo', () => {
  test('comes from the server, and after a reload without a network from the device', async () => {
    serve({ ada: 7 });
    expect(await mark(await new Photos(around({ ada: 2 })).of(ada))).toBe(7);
    await eventually([['ada', 2]]);
    cut();
    const reloaded = new Photos({ ...around({ ada: 2 }), token: null });
    expect(await mark(await reloaded.of(ada))).toBe(7);
    expect(await reloaded.of({ registration_id: 'eve', photo: 2 })).toBeNull();
  });

  test('that is another one is fetched, and takes the place of the first', async () => {
    serve({ ada: 7 });
    const photos = new Photos(around({ ada: 2 }));
    await photos.of(ada);
    serve({ ada: 8 });
    expect(await mark(await photos.of({ ...ada, photo: 3 }))).toBe(8);
    await eventually([['ada', 3]]);
  });

  test('of who has none is not asked for', async () => {
    const asked = serve({});
    const photos = new Photos(around({}));
    expect(await photos.of({ registration_id: 'ada', photo: null })).toBeNull();
    expect(await photos.of({ registration_id: 'ada' })).toBeNull();
    expect(asked).toEqual([]);
  });

  test('is none where the network brings something else, or nothing', async () => {
    const photos = new Photos(around({ ada: 2 }));
    vi.stubGlobal('fetch', async () => new Response('<html>Welcome to our network'));
    expect(await photos.of(ada)).toBeNull();
    cut();
    expect(await photos.of(ada)).toBeNull();
    expect(await onDisk()).toEqual([]);
  });

  test('is shown and not kept where nothing may be kept', async () => {
    serve({ ada: 7 });
    const photos = new Photos({ ...around({ ada: 2 }), keeping: false });
    expect(await mark(await photos.of(ada))).toBe(7);
    photos.tend();
    expect(await onDisk()).toEqual([]);
  });
});

describe('in the background', () => {
  test('photos come once each, of who registered last first, and nobody’s without one', async () => {
    const asked = serve({ a: 1, c: 3 });
    const photos = new Photos(around({ a: 2, b: null, c: 4, d: 2 }));
    photos.tend();
    photos.tend();
    await eventually([['a', 2], ['c', 4]]);
    expect(asked).toEqual(['d', 'c', 'a']);
    photos.tend();
    expect(await mark(await photos.of({ registration_id: 'c', photo: 4 }))).toBe(3);
    expect(asked).toEqual(['d', 'c', 'a']);
  });

  test('they wait until the scans have gone', async () => {
    const asked = serve({ ada: 7 });
    const busy = { ...around({ ada: 2 }), busy: true };
    new Photos(busy).tend();
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(asked).toEqual([]);
    busy.busy = false;
    await eventually([['ada', 2]]);
  });

  test('those of who is erased, or has another, leave the device', async () => {
    serve({ ada: 7, eve: 8, zoe: 9 });
    const world = around({ ada: 2, eve: 2, zoe: 2 });
    const photos = new Photos(world);
    photos.tend();
    await eventually([['ada', 2], ['eve', 2], ['zoe', 2]]);
    world.copy = people({ ada: 2, eve: null });
    // Not before the round that is under way has ended.
    await vi.waitFor(async () => {
      photos.tend();
      expect(await onDisk()).toEqual([['ada', 2]]);
    });
  });

  test('nothing is written any more once the people are about to be wiped', async () => {
    let answered: (response: Response) => void = () => {};
    vi.stubGlobal('fetch', () => new Promise((resolve) => (answered = resolve)));
    const photos = new Photos(around({ ada: 2 }));
    const shown = photos.of(ada);
    await new Promise((resolve) => setTimeout(resolve, 20));
    photos.stop();
    await wipePeople();
    answered(new Response(new Uint8Array([...JPEG, 7])));
    expect(await mark(await shown)).toBe(7);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await onDisk()).toEqual([]);
  });
});
