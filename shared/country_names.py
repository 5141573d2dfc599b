"""Names of states as the United Nations writes them, where the Unicode CLDR calls them otherwise.

The CLDR has the names that people use every day. On the badges of a United Nations forum some of
them would be an affront ("North Korea", "Palestinian Territories"), others are a former name. The
names here are those of the UN's list of Member States and of its terminology (UNTERM), from general
knowledge: to be compared with the list before a forum.
"""

from __future__ import annotations

from typing import Final

from shared.forum import LANGUAGES, Language

_NAMES: Final = {
    # ar, zh, en, fr, ru, es: the order of `LANGUAGES`.
    "BN": (
        "بروني دار السلام", "文莱达鲁萨兰国", "Brunei Darussalam",
        "Brunéi Darussalam", "Бруней-Даруссалам", "Brunei Darussalam",
    ),
    "BO": (
        "بوليفيا (دولة - المتعددة القوميات)", "玻利维亚（多民族国）",
        "Bolivia (Plurinational State of)", "Bolivie (État plurinational de)",
        "Боливия (Многонациональное Государство)", "Bolivia (Estado Plurinacional de)",
    ),
    "BY": ("بيلاروس", "白俄罗斯", "Belarus", "Bélarus", "Беларусь", "Belarús"),
    "CD": (
        "جمهورية الكونغو الديمقراطية", "刚果民主共和国", "Democratic Republic of the Congo",
        "République démocratique du Congo", "Демократическая Республика Конго",
        "República Democrática del Congo",
    ),
    "CG": ("الكونغو", "刚果", "Congo", "Congo", "Конго", "Congo"),
    "CV": ("كابو فيردي", "佛得角", "Cabo Verde", "Cabo Verde", "Кабо-Верде", "Cabo Verde"),
    "FK": (
        "جزر فوكلاند (مالفيناس)", "福克兰群岛（马尔维纳斯）", "Falkland Islands (Malvinas)",
        "Îles Falkland (Malvinas)", "Фолклендские (Мальвинские) острова",
        "Islas Malvinas (Falkland Islands)",
    ),
    "FM": (
        "ميكرونيزيا (ولايات - الموحدة)", "密克罗尼西亚联邦", "Micronesia (Federated States of)",
        "Micronésie (États fédérés de)", "Микронезия (Федеративные Штаты)",
        "Micronesia (Estados Federados de)",
    ),
    "GB": (
        "المملكة المتحدة", "联合王国", "United Kingdom",
        "Royaume-Uni", "Соединенное Королевство", "Reino Unido",
    ),
    "IR": (
        "إيران (جمهورية - الإسلامية)", "伊朗伊斯兰共和国", "Iran (Islamic Republic of)",
        "Iran (République islamique d’)", "Иран (Исламская Республика)",
        "Irán (República Islámica del)",
    ),
    "KG": (
        "قيرغيزستان", "吉尔吉斯斯坦", "Kyrgyzstan",
        "Kirghizistan", "Кыргызстан", "Kirguistán",
    ),
    "KP": (
        "جمهورية كوريا الشعبية الديمقراطية", "朝鲜民主主义人民共和国",
        "Democratic People’s Republic of Korea", "République populaire démocratique de Corée",
        "Корейская Народно-Демократическая Республика", "República Popular Democrática de Corea",
    ),
    "KR": (
        "جمهورية كوريا", "大韩民国", "Republic of Korea",
        "République de Corée", "Республика Корея", "República de Corea",
    ),
    "LA": (
        "جمهورية لاو الديمقراطية الشعبية", "老挝人民民主共和国",
        "Lao People’s Democratic Republic", "République démocratique populaire lao",
        "Лаосская Народно-Демократическая Республика", "República Democrática Popular Lao",
    ),
    "MD": (
        "جمهورية مولدوفا", "摩尔多瓦共和国", "Republic of Moldova",
        "République de Moldova", "Республика Молдова", "República de Moldova",
    ),
    "MM": ("ميانمار", "缅甸", "Myanmar", "Myanmar", "Мьянма", "Myanmar"),
    "PS": (
        "دولة فلسطين", "巴勒斯坦国", "State of Palestine",
        "État de Palestine", "Государство Палестина", "Estado de Palestina",
    ),
    "RU": (
        "الاتحاد الروسي", "俄罗斯联邦", "Russian Federation",
        "Fédération de Russie", "Российская Федерация", "Federación de Rusia",
    ),
    "SY": (
        "الجمهورية العربية السورية", "阿拉伯叙利亚共和国", "Syrian Arab Republic",
        "République arabe syrienne", "Сирийская Арабская Республика", "República Árabe Siria",
    ),
    "TL": (
        "تيمور - ليشتي", "东帝汶", "Timor-Leste",
        "Timor-Leste", "Тимор-Лешти", "Timor-Leste",
    ),
    "TZ": (
        "جمهورية تنزانيا المتحدة", "坦桑尼亚联合共和国", "United Republic of Tanzania",
        "République-Unie de Tanzanie", "Объединенная Республика Танзания",
        "República Unida de Tanzanía",
    ),
    "US": (
        "الولايات المتحدة الأمريكية", "美利坚合众国", "United States of America",
        "États-Unis d’Amérique", "Соединенные Штаты Америки", "Estados Unidos de América",
    ),
    "VA": ("الكرسي الرسولي", "教廷", "Holy See", "Saint-Siège", "Святой Престол", "Santa Sede"),
    "VE": (
        "فنزويلا (جمهورية - البوليفارية)", "委内瑞拉玻利瓦尔共和国",
        "Venezuela (Bolivarian Republic of)", "Venezuela (République bolivarienne du)",
        "Венесуэла (Боливарианская Республика)", "Venezuela (República Bolivariana de)",
    ),
    "VN": ("فييت نام", "越南", "Viet Nam", "Viet Nam", "Вьетнам", "Viet Nam"),
}  # fmt: skip


def of_the_united_nations(language: Language) -> dict[str, str]:
    """The names in a language, by the state's code."""
    place = LANGUAGES.index(language)
    return {code: names[place] for code, names in _NAMES.items()}
