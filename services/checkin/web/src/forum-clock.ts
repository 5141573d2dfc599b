import { timeFormat } from './formats';
import { dayOf } from './forum-days';

/** The forum's time on a device whose own clock may be hours off, or years in a rehearsal. */
export class ForumClock {
  /** @param offset milliseconds from the device's clock to the forum's */
  constructor(
    readonly offset: number,
    readonly timezone: string,
  ) {}

  /** Sets a clock by an answer; half of the round trip is what its way back took, at a guess. */
  static set(forumNow: string, timezone: string, asked: number, answered: number): ForumClock {
    return new ForumClock(Date.parse(forumNow) - (asked + answered) / 2, timezone);
  }

  now(deviceNow: number = Date.now()): Date {
    return new Date(deviceNow + this.offset);
  }

  /** Hours and minutes as officers say them, in every language: 08:12. */
  time(at: Date | string): string {
    return timeFormat('en-GB', {
      timeZone: this.timezone,
      hour: '2-digit',
      minute: '2-digit',
    }).format(new Date(at));
  }

  date(at: Date | string, locale: string): string {
    return timeFormat(locale, {
      timeZone: this.timezone,
      weekday: 'short',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
    }).format(new Date(at));
  }

  /** The forum's day, 2017-06-12, as counters and attendance are kept by it. */
  day(at: Date | string): string {
    return dayOf(this.timezone, new Date(at));
  }
}
