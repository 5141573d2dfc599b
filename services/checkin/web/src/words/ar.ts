import type { Words } from './en';

// Arabic counts in six forms. One and two are words of their own and need no digit.
type Forms = Record<Intl.LDMLPluralRule, string>;
const rules = new Intl.PluralRules('ar');
const plural = (n: number, forms: Forms) => forms[rules.select(n)].replace('#', String(n));

const SCANS: Forms = {
  zero: 'لا عمليات مسح',
  one: 'عملية مسح واحدة',
  two: 'عمليتا مسح',
  few: '# عمليات مسح',
  many: '# عملية مسح',
  other: '# عملية مسح',
};
// After a verbal noun the dual changes its ending.
const LOST_SCANS: Forms = { ...SCANS, zero: '# عمليات مسح', two: 'عمليتي مسح' };
const CORRECTIONS: Forms = {
  zero: 'ولا تصحيحات أخرى',
  one: 'وتصحيح آخر',
  two: 'وتصحيحان آخران',
  few: 'و# تصحيحات أخرى',
  many: 'و# تصحيحًا آخر',
  other: 'و# تصحيح آخر',
};
const ARRIVALS: Forms = {
  zero: 'لا أحد',
  one: 'شخص واحد',
  two: 'شخصان',
  few: '# أشخاص',
  many: '# شخصًا',
  other: '# شخص',
};
const MINUTES: Forms = {
  zero: '# دقيقة',
  one: 'دقيقة',
  two: 'دقيقتان',
  few: '# دقائق',
  many: '# دقيقة',
  other: '# دقيقة',
};
const HOURS: Forms = {
  zero: '# ساعة',
  one: 'ساعة',
  two: 'ساعتان',
  few: '# ساعات',
  many: '# ساعة',
  other: '# ساعة',
};

export default {
  language: 'العربية',
  direction: 'rtl',
  // The Union's Arabic documents use the digits that badges and clocks show.
  locale: 'ar-EG-u-nu-latn',

  rehearsal: 'تدريب',
  retry: 'إعادة المحاولة',
  cancel: 'إلغاء',
  close: 'إغلاق',

  verdict: { admitted: 'مسموح', refused: 'مرفوض', departed: 'خروج' },
  reasons: {
    malformed: 'تعذرت القراءة، أو ليست شارة المنتدى: أعد المسح',
    bad_signature: 'شارة مزورة: احتفظ بها واتصل بمسؤول الأمن',
    unknown_badge: 'شارة غير معروفة: أرسل حاملها إلى مكتب الشارات',
    revoked: 'أُلغيت هذه الشارة: أرسل حاملها إلى مكتب الشارات',
    superseded: 'شارة قديمة: صدرت لهذا الشخص شارة أحدث',
    cancelled: 'أُلغي التسجيل',
    blocked: 'منع أمني: اتصل بمسؤول الأمن',
    not_valid_today: 'هذه الشارة غير صالحة اليوم',
    zone_not_allowed: 'هذه الشارة لا تتيح دخول هذه المنطقة',
    already_inside: 'موجود في الداخل',
    zone_full: 'المنطقة ممتلئة',
    first_entry: 'أول دخول اليوم',
    reentry: 'عودة إلى الداخل',
    override: 'سمح بالدخول أحد الموظفين',
    departed: 'غادر المكان',
  },
  reasonSince: {
    already_inside: (time, entrance) => `موجود في الداخل منذ ${time}، المدخل: ${entrance}`,
    reentry: (time, entrance) => `عودة إلى الداخل، آخر مرور ${time}، ${entrance}`,
  },
  reasonZone: {
    zone_not_allowed: (zone) => `هذه الشارة لا تتيح دخول: ${zone}`,
    zone_full: (zone) => `ممتلئ: ${zone}`,
  },

  gate: {
    title: 'البوابة',
    direction: 'الاتجاه',
    in: 'دخول',
    out: 'خروج',
    online: 'متصل',
    offlineSince: (time) => `غير متصل منذ ${time}`,
    copyOld: (minutes) =>
      minutes < 120
        ? `نسخة عمرها ${plural(minutes, MINUTES)}`
        : `نسخة عمرها ${plural(Math.round(minutes / 60), HOURS)}`,
    waiting: (n) => `${plural(n, SCANS)} قيد الانتظار`,
    admittedHere: (n) => `المسموح لهم اليوم على هذا الجهاز: ${n}`,
    refusedHere: (n) => `المرفوضون اليوم على هذا الجهاز: ${n}`,
    starting: 'لحظة من فضلك …',
    unreachable: 'الخادم لا يستجيب. تُعاد المحاولة تلقائيًا.',

    aim: 'ضع رمز QR على الشارة داخل الإطار',
    ready: 'جاهز للشارة التالية',
    torch: 'الضوء',
    camera: 'الكاميرا',
    cameraName: (n) => `الكاميرا ${n}`,
    cameraStarting: 'يجري تشغيل الكاميرا …',
    cameraDenied: 'الكاميرا محظورة. اسمح بها في إعدادات المتصفح ثم أعد المحاولة.',
    cameraMissing: 'لا توجد كاميرا. استخدم ماسحًا يدويًا أو اكتب رقم الشارة.',
    cameraBusy: 'تطبيق آخر يستخدم الكاميرا. أغلقه ثم أعد المحاولة.',
    cameraInsecure: 'لا تعمل الكاميرا إلا في صفحات https. اطلب عنوان https.',

    typeNumber: 'كتابة الرقم',
    number: 'رقم الشارة',
    numberHint: 'ثمانية أحرف وأرقام تحت الاسم',
    numberFault: {
      incomplete: 'رقم الشارة ثمانية أحرف وأرقام',
      symbol: 'رقم الشارة ثمانية أحرف وأرقام، ليس بينها الحرف U',
      check: 'أحد الأحرف أو الأرقام خطأ: أعد قراءة الرقم',
    },
    check: 'تحقق',

    checking: 'يجري التحقق …',
    unsent: 'لم يُرسل بعد',
    unsentDetail: 'لا يوجد اتصال. حُفظت عملية المسح وستُرسل تلقائيًا.',
    failed: 'لم يتم المسح',

    correctionTitle: 'تصحيح:',
    correctionOf: (told, now) => `كانت النتيجة «${told}» وأصبحت «${now}»`,
    moreCorrections: (n) => plural(n, CORRECTIONS),
    noted: 'فهمت',

    find: 'بحث عن شخص',
    findName: 'الاسم أو رقم الشارة',
    findHint: 'حرفان على الأقل، بلا اعتبار للتشكيل',
    findNone: 'لم يُعثر على أحد',
    findFromCopy: (time) => `من نسخة هذا الجهاز الساعة ${time}`,
    isInside: 'في الداخل',
    isInsideSince: (time, entrance) => `في الداخل منذ ${time}، ${entrance}`,
    isOutside: 'ليس في الداخل',
    admitByNumber: 'سماح بالدخول بالرقم',
    leaveByNumber: 'تسجيل الخروج بالرقم',
    noBadge: 'بلا شارة',

    recent: 'آخر عمليات المسح',
    recentNone: 'لا عمليات مسح حتى الآن.',
    undo: 'تراجع',
    undone: 'تم التراجع',
    undoTitle: 'التراجع عن عملية المسح هذه',
    undoReasons: ['شخص آخر', 'لم يمر', 'اتجاه خاطئ'],
    override: 'السماح رغم ذلك',
    overrideTitle: 'السماح بالدخول رغم الرفض',
    overrideReasons: ['تم التحقق من الهوية يدويًا', 'وافق مسؤول الأمن', 'رفض خاطئ'],
    reason: 'السبب',
    reasonHint: 'يُحفظ مع عملية المسح.',

    more: 'المزيد',
    counters: 'العدادات',
    insideNow: (n) => `العدد في الداخل حسب نسخة هذا الجهاز: ${n}`,
    insideOf: (n, limit) => `العدد في الداخل حسب نسخة هذا الجهاز: ${n} من ${limit}`,
    sound: 'الصوت',
    soundTest: 'تشغيل الصوتين',
    languageTitle: 'اللغة',
    unpair: 'إلغاء اقتران هذا الجهاز',
    unpairDetail: 'تُمحى الأسماء من الجهاز، ويلزم رمز جديد لاستئناف المسح.',
    unpairWaiting: (n) => `لم يُرسل بعد: ${plural(n, SCANS)}. اتصل بالشبكة أولًا وإلا ضاعت.`,
    unpairAndLose: (n) => `إلغاء الاقتران وفقدان ${plural(n, LOST_SCANS)}`,

    pairTitle: 'اقتران هذا الجهاز',
    pairDetail: 'امسح الرمز الذي يعرضه مسؤول الأمن، أو اكتبه.',
    pairCode: 'رمز الاقتران',
    pair: 'اقتران',
    pairScan: 'مسح الرمز',
    pairing: 'يجري الاقتران …',
    pairFault: {
      unreadable: 'هذا ليس رمز اقتران',
      404: 'هذا الرمز غير معروف. اطلب من المسؤول رمزًا جديدًا.',
      410: 'انتهت صلاحية الرمز أو سبق استخدامه. اطلب من المسؤول رمزًا جديدًا.',
      422: 'هذا ليس رمز اقتران',
      429: 'محاولات كثيرة. انتظر دقيقة ثم أعد المحاولة.',
      unreachable: 'الخادم لا يستجيب. تحقق من الاتصال ثم أعد المحاولة.',
    },
    revoked: 'ألغت غرفة المراقبة اقتران هذا الجهاز.',
  },

  live: {
    title: 'مباشر',
    staff: 'الموظفون',
    pages: { review: 'المراجعة', devices: 'الأجهزة' },
    connection: {
      connecting: 'يجري الاتصال …',
      live: 'مباشر',
      lost: 'انقطع الاتصال، تُعاد المحاولة',
    },
    inside: 'في الداخل الآن',
    arrivedToday: 'وصلوا اليوم',
    registered: 'المسجلون',
    badged: 'الشارات',
    refusedToday: 'المرفوضون اليوم',
    ofLimit: (share, limit) => `${share} من سعة المكان البالغة ${limit}`,
    ofBadged: (share) => `${share} من جميع الشارات`,
    allDays: (n) => `${n} في جميع الأيام`,
    arrivals: 'الوصول في الدقيقة',
    arrivalsMean: 'متوسط خمس دقائق',
    busiest: (time, n) => `ذروة الوصول في الدقيقة ${time}: ${plural(n, ARRIVALS)}`,
    noArrivals: 'لم يصل أحد اليوم بعد.',
    byEntrance: 'حسب المدخل',
    byCategory: 'حسب الفئة',
    byRegion: 'حسب المنطقة',
    byCountry: 'حسب البلد',
    topCountries: (shown, all) => `${shown} من ${all}`,
    refusals: 'حالات الرفض حسب السبب',
    none: 'لا شيء حتى الآن.',
    regions: {
      africa: 'إفريقيا',
      americas: 'الأمريكتان',
      arab_states: 'الدول العربية',
      asia_pacific: 'آسيا والمحيط الهادئ',
      cis: 'كومنولث الدول المستقلة',
      europe: 'أوروبا',
      none: 'بلا منطقة',
    },
    refusalReasons: {
      malformed: 'ليست شارة',
      bad_signature: 'مزورة',
      unknown_badge: 'غير معروفة',
      revoked: 'ملغاة',
      superseded: 'شارة قديمة',
      cancelled: 'تسجيل ملغى',
      blocked: 'منع أمني',
      not_valid_today: 'غير صالحة اليوم',
      zone_not_allowed: 'منطقة أخرى',
      already_inside: 'موجود في الداخل',
      zone_full: 'منطقة ممتلئة',
    },
  },
} satisfies Words;
