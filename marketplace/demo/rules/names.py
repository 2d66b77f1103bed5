"""Invented names: people, organizations, credit codes, telephones. Nobody and nothing here is real."""

import random
from collections.abc import Iterator, Mapping, Sequence

from marketplace.demo.rules.domain import Domain
from marketplace.demo.rules.texts import BY_KEY, DOMAINS, FAMILIES
from marketplace.demo.rules.weave import pick_number, weave
from marketplace.organizations.rules import OrganizationKind, body_code_check, credit_code_check

DISTRICT_CODE = "990106"     # 99: no province of China
_FAMILY = "林陈何梁罗谢韩唐冯邓曹彭曾萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_GIVEN = ("静", "敏", "伟", "晓", "建", "志", "文", "雅", "思", "永", "佩", "嘉", "秋", "燕", "海", "明", "国", "玉", "春", "少", "慧", "俊",
          "立", "泽", "桂", "丽", "启", "颖", "子", "若", "宇", "卓", "安", "景", "舒", "耀", "沛", "凌", "绮", "允")
_SECOND = ("", "", "华", "芳", "强", "玲", "东", "珍", "宁", "彤", "霖", "贤", "仪", "斌", "琪", "森", "怡", "钧", "瑶", "恒",
           "莹", "航", "茵", "朗")
_BRANDS = ("晨光", "同舟", "星火", "和风", "启明", "春泥", "暖阳", "立方", "新桥", "知行", "青苗", "云帆", "守望", "博雅", "乐邻", "百川", "心桥", "童年",
           "益家", "安澜", "朝露", "泉涌", "远航", "众合", "善行", "悦享", "初心", "绿荫", "明灯", "禾苗", "橡树", "微光", "聚力", "常青", "映山", "雨林",
           "灯塔", "彩虹", "蒲公英", "木棉", "向日葵", "满天星", "小桔灯", "三叶草", "大榕树", "望江", "听涛", "拾光", "暖巢", "邻聚", "启程", "润泽",
           "惠民", "协力", "仁和", "厚德", "共好", "致远", "弘毅", "尚善")
_PLACES = ("澜川区", "澜川")
_SERVICES = ("社会工作服务中心", "社会服务中心", "公益服务中心", "社区服务中心", "养老服务中心", "家庭服务中心", "青少年服务中心", "志愿服务中心",
             "心理健康服务中心", "康复服务中心", "助残服务中心", "法律服务中心", "社会组织服务中心", "环境教育中心", "文化发展中心", "应急救援队")
_UNIONS = ("志愿者协会", "社会工作者协会", "老年人协会", "残疾人互助会", "家庭教育促进会", "文化促进会", "合唱协会", "书法协会", "太极拳协会", "摄影学会",
           "园艺协会", "烹饪协会", "养老服务业协会", "环保促进会", "应急志愿者协会", "乡贤联谊会", "青年创业协会", "读书会联合会", "龙舟协会", "舞狮协会")
_GROUPS = ("舞蹈队", "合唱团", "巡逻队", "互助会", "读书会", "书画社", "太极队", "护河队", "调解队", "志愿队", "议事会", "手工坊", "健步队", "乐器队",
           "棋艺社", "编织社", "亲子社", "互助小组", "爱心厨房", "花友会")
_PASTIMES = ("合唱", "书法", "太极", "摄影", "园艺", "烹饪", "读书", "龙舟", "舞狮", "舞蹈", "书画", "乐器", "棋艺", "编织", "花友", "健步", "手工")
_FUNDS = ("公益基金会", "慈善基金会", "社区发展基金会", "教育基金会", "养老公益基金会", "社会工作发展基金会")
_SURNAMES_OF_FOUNDERS = "林陈何梁罗谢韩唐冯邓"

ADMINISTRATORS: Mapping[str, str] = {"operator": "何伟", "security_officer": "钟敏", "auditor": "秦立"}


_PREFIXES = {
    OrganizationKind.ASSOCIATION: "51", OrganizationKind.SERVICE_AGENCY: "52", OrganizationKind.FOUNDATION: "53",
    OrganizationKind.SELF_GOV: "54", OrganizationKind.UNIT: "11", OrganizationKind.ENTERPRISE: "91",
}


def person_name(rng: random.Random) -> str:
    """Return a Chinese name of two or three characters."""
    return rng.choice(_FAMILY) + rng.choice(_GIVEN) + rng.choice(_SECOND)


def mobile(number: int) -> str:
    """Return the `number`-th telephone of this world; 199 0000 xxxx is no range in use."""
    return f"1990{number:07d}"


def credit_code(kind: OrganizationKind, number: int) -> str:
    """Return the `number`-th code of this world with both check characters right; its area is no real one."""
    prefix = _PREFIXES[kind]
    body = f"MJ{number:06d}" if number < 10**6 else f"M{number:07d}"
    first = prefix + DISTRICT_CODE + body + body_code_check(body)
    return first + credit_code_check(first)


def organization_names(rng: random.Random, kind: OrganizationKind, communities: list[str]) -> Iterator[str]:
    """Yield names that never repeat, without end."""
    used: set[str] = set()
    while True:
        name = _one_name(rng, kind, communities)
        tries = 0
        while name in used:
            tries += 1
            name = _one_name(rng, kind, communities)
            if tries > 12:  # noqa: PLR2004 - the short names are used up
                name = name.replace("澜川", f"澜川{rng.choice(_BRANDS)}{rng.choice('一二三四五六七八九')}号", 1) \
                    if "澜川" in name else f"{rng.choice(_BRANDS)}{len(used)}号{name}"
        used.add(name)
        yield name


def _one_name(rng: random.Random, kind: OrganizationKind, communities: list[str]) -> str:
    """Return one name of a kind."""
    if kind is OrganizationKind.ASSOCIATION:
        start = weave(rng, "{澜川区|澜川区|" + rng.choice(communities) + "}{|" + rng.choice(_BRANDS) + "}")
        return start + rng.choice(_UNIONS)
    if kind is OrganizationKind.FOUNDATION:
        return "澜川区" + rng.choice(_BRANDS) + rng.choice(_FUNDS)
    if kind is OrganizationKind.FILED_GROUP:
        return rng.choice(communities) + rng.choice(_BRANDS) + rng.choice(_GROUPS)
    return rng.choice(_PLACES) + rng.choice(_BRANDS) + rng.choice(_SERVICES)


_FIELD_WORDS = (                         # the first word found in a name tells the first field
    ("养老", "meals"), ("厨房", "meals"), ("老年", "visits"), ("互助小组", "visits"), ("亲子", "family"), ("家庭", "family"),
    ("青少年", "youth"), ("青年", "youth"), ("志愿", "volunteers"), ("心理", "mental"), ("康复", "rehab"), ("助残", "disability"),
    ("残疾", "disability"), ("法律", "law"), ("调解", "law"), ("社会组织", "cultivation"), ("环境", "green"), ("环保", "green"),
    ("护河", "green"), ("文化", "culture"), ("应急", "emergency"), ("巡逻", "emergency"), ("社会工作", "station"),
    ("社区", "governance"), ("议事", "governance"), ("乡贤", "governance"), ("互助会", "governance"),
    *((word, "culture") for word in _PASTIMES),
)


def fields_of(rng: random.Random, name: str) -> list[Domain]:
    """Return the fields of service that one organization works in: what its name says, then what is close to it.

    Those that come together for a pastime do little else; a name that says nothing may mean anything.
    """
    first = next((BY_KEY[key] for word, key in _FIELD_WORDS if word in name), None)
    if first is None:
        return rng.sample(DOMAINS, rng.choice((2, 2, 3, 4)))
    close = [one for one in next(family for family in FAMILIES if first in family) if one is not first]
    more = rng.choice((0, 0, 1)) if any(word in name for word in _PASTIMES) else rng.choice((1, 1, 2, 3))
    return [first, *rng.sample(close, min(more, len(close)))]


def about(rng: random.Random, name: str, fields: list[Domain]) -> str:
    """Return how an organization introduces itself."""
    skills = "、".join(one.skill for one in fields)
    return weave(rng, f"{name}" + "{成立以来|自登记以来}{专注|深耕}" + skills + "，{现有|目前}{团队|专职}<4-46>人，{每年|年均}服务<300-6800:100>人次，"
                 "{坚持|注重}{督导|记录}与{公开|评估}。", {})


def scope(fields: Sequence[Domain]) -> str:
    """Return the scope as its charter words it."""
    return "；".join(f"开展{one.skill}及相关服务" for one in fields) + "；承接政府转移职能和购买服务。"


def rating_of(rng: random.Random) -> int | None:
    """Return a grade, for about a third."""
    return rng.choices((None, 1, 2, 3, 4, 5), (66, 2, 5, 15, 9, 3))[0]


def bank(rng: random.Random) -> tuple[str, str]:
    """Return an invented bank and account."""
    return weave(rng, "澜川{农村商业|惠民|城市}银行{东门|桐浦|中心|河滨}支行"), "99" + "".join(str(rng.randrange(10)) for _ in range(15))


def staff(rng: random.Random) -> tuple[int, int]:
    """Return the staff and how many of them are certified."""
    total = pick_number(rng, 3, 46)
    return total, rng.randrange(total // 3, total + 1)


EMPLOYERS = ("澜川学院社会工作系", "澜川学院公共管理系", "澜川区社会科学研究所", "澜川财经学院会计系", "澜川医学高等专科学校护理系", "澜川市公益评估中心",
             "正道会计师事务所", "衡平律师事务所", "澜川市心理学会", "澜川市养老服务协会", "澜川师范学院特殊教育系", "澜川市应急管理学会")
EXPERT_TITLES = ("教授", "副教授", "高级社会工作师", "注册会计师", "律师", "高级工程师", "副研究员", "主任护师")
