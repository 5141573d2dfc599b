/**
 * What officers and organisers read, in English. Another language is another file in this folder,
 * named by its code, that `satisfies Words`; it is offered as soon as it is there.
 */

const one = new Intl.PluralRules('en');
const plural = (n: number, singular: string, more: string) =>
  `${n} ${one.select(n) === 'one' ? singular : more}`;

const en = {
  language: 'English',
  direction: 'ltr',
  /** How dates and numbers are written */
  locale: 'en-GB',

  rehearsal: 'Rehearsal',
  retry: 'Try again',
  cancel: 'Cancel',
  close: 'Close',

  verdict: { admitted: 'Admitted', refused: 'Refused', departed: 'Left' },
  reasons: {
    malformed: 'Misread, or no badge of the forum: scan it again',
    bad_signature: 'Forged badge: keep it and call the security lead',
    unknown_badge: 'Badge not known: send to the badge desk',
    revoked: 'This badge was revoked: send to the badge desk',
    superseded: 'Old badge: a newer one was issued to this person',
    cancelled: 'The registration was cancelled',
    blocked: 'Security hold: call the security lead',
    not_valid_today: 'This badge is not valid today',
    zone_not_allowed: 'This badge does not open this zone',
    already_inside: 'Already inside',
    zone_full: 'The zone is full',
    first_entry: 'First entry today',
    reentry: 'Back again',
    override: 'Admitted by an officer',
    departed: 'Has left the venue',
  },
  reasonSince: {
    already_inside: (time: string, entrance: string) =>
      `Already inside since ${time}, ${entrance} entrance`,
    reentry: (time: string, entrance: string) => `Back again, last seen ${time}, ${entrance}`,
  },
  reasonZone: {
    zone_not_allowed: (zone: string) => `This badge does not open: ${zone}`,
    zone_full: (zone: string) => `Full: ${zone}`,
  },

  gate: {
    title: 'Gate',
    direction: 'Direction',
    in: 'In',
    out: 'Out',
    online: 'Online',
    offlineSince: (time: string) => `Offline since ${time}`,
    waiting: (n: number) => plural(n, 'scan waiting', 'scans waiting'),
    admittedHere: (n: number) => `${n} admitted on this device today`,
    refusedHere: (n: number) => `${n} refused on this device today`,
    starting: 'One moment …',
    unreachable: 'The server does not answer. Trying again by itself.',

    aim: 'Hold the badge’s QR code in the frame',
    ready: 'Ready for the next badge',
    torch: 'Light',
    camera: 'Camera',
    cameraName: (n: number) => `Camera ${n}`,
    cameraStarting: 'Starting the camera …',
    cameraDenied: 'The camera is blocked. Allow it in the browser’s settings, then try again.',
    cameraMissing: 'No camera here. Use a handheld scanner or type the badge number.',
    cameraBusy: 'Another app holds the camera. Close it, then try again.',
    cameraInsecure: 'The camera works on https pages only. Ask for the https address.',

    typeNumber: 'Type number',
    number: 'Badge number',
    numberHint: 'Eight letters and digits, under the name',
    numberFault: {
      incomplete: 'A badge number has eight letters and digits',
      symbol: 'A badge number has eight letters and digits, and no U',
      check: 'One letter or digit is wrong: read the number again',
    },
    check: 'Check',

    checking: 'Checking …',
    unsent: 'Not yet sent',
    unsentDetail: 'No connection. The scan is kept and sent by itself.',
    failed: 'Not scanned',

    recent: 'Recent scans',
    recentNone: 'Nothing scanned yet.',
    undo: 'Undo',
    undone: 'Undone',
    undoTitle: 'Undo this scan',
    undoReasons: ['Wrong person', 'Did not go through', 'Wrong direction'],
    override: 'Admit anyway',
    overrideTitle: 'Admit in spite of the refusal',
    overrideReasons: ['Identity checked by hand', 'Security lead agreed', 'Wrong refusal'],
    reason: 'Reason',
    reasonHint: 'It is kept with the scan.',

    more: 'More',
    sound: 'Sound',
    soundTest: 'Play both sounds',
    languageTitle: 'Language',
    unpair: 'Unpair this device',
    unpairDetail: 'Names are wiped from the device. A new code is needed to scan again.',
    unpairWaiting: 'Scans are still waiting to be sent. Go online first.',

    pairTitle: 'Pair this device',
    pairDetail: 'Scan the code that the security lead shows you, or type it.',
    pairCode: 'Pairing code',
    pair: 'Pair',
    pairScan: 'Scan the code',
    pairing: 'Pairing …',
    pairFault: {
      unreadable: 'This is not a pairing code',
      404: 'This code is not known. Ask the lead for a new one.',
      410: 'This code has expired or was used before. Ask the lead for a new one.',
      422: 'This is not a pairing code',
      429: 'Too many attempts. Wait a minute, then try again.',
      unreachable: 'The server does not answer. Check the connection, then try again.',
    },
    revoked: 'This device was unpaired by the control room.',
  },

  live: {
    title: 'Live',
    staff: 'Staff',
    pages: { review: 'Review', devices: 'Devices' },
    connection: { connecting: 'Connecting …', live: 'Live', lost: 'Connection lost, trying again' },
    inside: 'Inside now',
    arrivedToday: 'Arrived today',
    registered: 'Registered',
    badged: 'Badges',
    refusedToday: 'Refused today',
    ofLimit: (share: string, limit: string) => `${share} of the ${limit} the venue holds`,
    ofBadged: (share: string) => `${share} of all badges`,
    allDays: (n: string) => `${n} over all days`,
    arrivals: 'Arrivals a minute',
    arrivalsMean: 'Mean of five minutes',
    busiest: (time: string, n: number) =>
      `Busiest minute ${time} with ${plural(n, 'arrival', 'arrivals')}`,
    noArrivals: 'Nobody has arrived yet today.',
    byEntrance: 'By entrance',
    byCategory: 'By category',
    byRegion: 'By region',
    byCountry: 'By country',
    topCountries: (shown: number, all: number) => `${shown} of ${all}`,
    refusals: 'Refusals by reason',
    none: 'None so far.',
    regions: {
      africa: 'Africa',
      americas: 'Americas',
      arab_states: 'Arab States',
      asia_pacific: 'Asia-Pacific',
      cis: 'CIS',
      europe: 'Europe',
      none: 'No region',
    },
    refusalReasons: {
      malformed: 'Not a badge',
      bad_signature: 'Forged',
      unknown_badge: 'Not known',
      revoked: 'Revoked',
      superseded: 'Old badge',
      cancelled: 'Cancelled',
      blocked: 'Security hold',
      not_valid_today: 'Not valid today',
      zone_not_allowed: 'Wrong zone',
      already_inside: 'Already inside',
      zone_full: 'Zone full',
    },
  },
};

export type Words = typeof en;
export default en;
