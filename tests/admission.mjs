// Answers each line of standard input with what the gate app's rules say: a forum, a moment and a
// scan as tests/vectors/admission.json has them. Node runs TypeScript as it is.
import { createInterface } from 'node:readline';
import { dayOf } from '../services/checkin/web/src/forum-days.ts';
import { decide, sessionOf } from '../services/checkin/web/src/gate/admission.ts';

for await (const line of createInterface({ input: process.stdin })) {
  const { forum, at, scan } = JSON.parse(line);
  const moment = new Date(at);
  const day = dayOf(forum.timezone, moment);
  const answer = scan
    ? decide(forum, { ...scan, today: day })
    : { day, session: sessionOf(forum, moment) };
  console.log(JSON.stringify(answer));
}
