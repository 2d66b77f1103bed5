"""Composes what people of the demo world write: project texts that differ, offers, questions, comments, reasons."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from marketplace.demo.rules.care import CARE
from marketplace.demo.rules.community import COMMUNITY
from marketplace.demo.rules.domain import Domain
from marketplace.demo.rules.family import FAMILY
from marketplace.demo.rules.weave import overlap, pick_number, shingles, weave

FAMILIES: tuple[tuple[Domain, ...], ...] = (CARE, FAMILY, COMMUNITY)
DOMAINS: tuple[Domain, ...] = tuple(one for family in FAMILIES for one in family)
BY_KEY: Mapping[str, Domain] = {domain.key: domain for domain in DOMAINS}
LEAST, MOST = 200, 800          # characters of a body
MOST_ALIKE = 0.36               # refused above; the promise is 0.40
TRIES = 400

_AIMS = (
    "{本项目|项目}{希望|力求}在<months>个月里{服务|覆盖}<people>人，{让|使}{改变|成效}{看得见|说得清}、{可核对|有台账}。",
    "{目标|用意}是{把|将}零散的{帮助|服务}{变成|理成}{一条线|一套做法}：{找得到人|进得了门}、{接得住事|留得住人}、{说得清账|留得下痕}。",
    "<months>个月内{面向|为}<people>名{服务对象|受益人}{提供|开展}{持续|稳定}服务，{期满|结束时}{交|移交}一套{当地人|村居}{能接着用|可照做}的{办法|流程}。",
    "{周期|服务期}<months>个月，{预计|约}<people>人{受益|参加}，{重在|着力}{补短板|填空白}而{不是|非}{铺摊子|凑场次}。",
    "{先试|先在}<2-5>个村居{做透|跑通}，{半年|第二季度}后{铺开|扩面}，{全程|合计}{惠及|服务}<people>人。",
)
_STAFF = (
    "{队伍|人员}：<staff>；{更换|变动}{负责人|骨干}须{提前|先}<10-20:5>日书面{报|征得}同意，{新人|接替者}条件{不低于|等同}原人。",
    "{响应方|承接方}{应|须}{配足|落实}<staff>，{投入|在岗}时间{每周|每人每周}不少于<24-40:4>小时，{社保|薪酬}{按时|依法}{缴发|支付}。",
    "{配置|安排}<staff>，{岗前|进场前}{完成|参加}<8-24:4>学时{培训|见习}，{每季度|每两月}{督导|复训}不少于<1-3>次。",
    "{人员要求|用人}：<staff>。{名单|简历}随响应文件{提交|附上}，{进场|履约}时{逐人核对|一致}，{缺岗|顶岗}超过<5-12>日{扣减|按日扣}费用。",
)
_SAFETY = (
    "{承接方|响应人}{须|应当}{购买|投保}{公众责任|雇主责任}险，{累计|每次}保额不低于<30-100:10>万元，{事故|意外}{一小时|两小时}内{报告|上报}。",
    "{未成年人|老人}参加{外出|户外}{须|要}{家属同意书|知情签字}、{每|一}<8-12>人配一名{随行|看护}，{车辆|场地}{资质|合同}{备查|留底}。",
    "{场所|活动点}{开始前|启用前}做{消防|用电}自查，{出口|通道}{畅通|有标识}，{演练|检查}{记录|照片}{每季|按月}归档。",
    "{从业|上岗}人员{入职|进场}前{做|完成}{犯罪记录|背景}查询与{健康体检|体检}，{不合格|有不良记录}的{一律|}不得{接触|入户}。",
    "{突发|紧急}情况{按|依}{预案|流程}处置：{先救人|先稳住}、{再报告|同步上报}、{后复盘|三日内书面说明}，{责任人|值班电话}{写在|贴于}{入口|手册首页}。",
)
_PRIVACY = (
    "{个人信息|服务对象资料}只{收|采集}{必要|最少}项，{加密|专柜}{保存|存放}，{期满|结项}后<30-90:30>日内{移交|销毁}，{不得|禁止}{他用|外传}。",
    "{影像|照片}{使用|发布}须{本人或监护人|书面}同意，{面容|姓名}{遮挡|化名}，{后台|系统}权限{分级|到人}，{查阅|导出}{留痕|有日志}。",
    "{信息|数据}归{采购单位|购买主体}所有，{承接方|服务方}{签|订}保密承诺，{泄露|违反}的{追究|承担}责任并{公开|通报}。",
)
_REPORT = (
    "{每月|月末}<3-8>日前{报送|提交}{月报|进度表}，{数字|人次}与{系统|原始单据}{一致|可倒查}，{迟报|漏报}{两次|三次}{约谈|扣分}。",
    "{季度|每三个月}{碰头|例会}一次，{进展、困难、花钱|三件事}{讲清|对账}，{会议纪要|待办}{双方|当场}{签收|确认}。",
    "{过程|服务}{资料|档案}{按|依}目录{归集|装订}，{抽查|核验}不少于<10-20:5>%，{虚报|重复计}的{核减|双倍扣减}并{记入|计入}评价。",
    "{中期|过半}{评估|检查}由{采购单位|购买主体}{组织|会同第三方}进行，{整改|问题}{清单|要求}<10-20:5>日内{办结|销号}。",
)
_QUALITY = (
    "{验收|考核}看{数量|完成量}<30-40:5>%、{质量|过程}<30-40:5>%、{满意度|服务对象评价}<20-30:10>%三项，{总分|合计}<80-85:5>分{为合格|付清尾款}。",
    "{期末|结项}{请|由}服务对象代表{参加|列席}验收，{结果|意见}{公开|张贴}<5-10>个工作日，{异议|不同意见}{书面|逐条}{答复|回应}。",
    "{满意度|评价}{电话|入户}抽访不少于<30-120:10>人，{低于|不到}<80-88>%{须|要}{整改|返工}，{两次不达标|连续两季不合格}{可|得}{解约|终止}。",
    "{指标|任务量}{完成|达到}<90-95:5>%以上{视为|算}合格，{不足|缺口}部分{按比例|按单价}{扣减|核减}，{超出|多做}{不另|不再}付费。",
)
_MONEY = (
    "{报价|总价}{包含|含}{人员、活动、物料、税费|全部成本}，{人员经费|人力}占比{不低于|保持}<45-65:5>%，{管理费|行政费用}{不超过|控制在}<6-10>%。",
    "{经费|资金}{专账|单独核算}，{单笔|一次}超过<3000-10000:1000>元{附|须有}{比价|三家询价}，{结余|余额}{按|依}合同{退回|处理}。",
    "{服务对象|居民}{不收费|免费}；{确需|需要}{成本|材料}收费的{事先|先}{公示|报批}，{收支|账目}{每季|按季}公开。",
    "{不得|禁止}{转包|转让}，{分包|专业协作}{须|要}{写明|列出}{比例|内容}并{征得|经}同意，{挂靠|借用资质}{一经|}查实{即|}{解除合同|终止}。",
)
_EXTRA = (_STAFF, _SAFETY, _PRIVACY, _REPORT, _QUALITY, _MONEY)
_LAYOUTS = (
    ("一、{项目背景|为什么做}\n", "二、{服务内容|做什么}\n", "三、{服务要求|怎么做}\n", True),
    ("【{背景|缘由}】", "【{内容|任务}】", "【{要求|标准}】", False),
    ("", "{服务内容|主要工作|承接方的任务}：\n", "{有关要求|其他要求|几点要求}：\n", True),
    ("", "", "", False),
    ("（一）{现状|需求}\n", "（二）{服务清单|任务}\n", "（三）{管理与验收|保障}\n", True),
)


@dataclass(frozen=True)
class Place:
    """Where a project is done: a town (or the whole district) and a community in it."""

    town: str
    place: str


def body(rng: random.Random, domain: Domain, where: Place, people: int, months: int) -> str:
    """Return one requirement text of 200 to 800 characters."""
    facts = {"town": where.town, "place": where.place, "people": str(people), "months": str(months),
             "staff": weave(rng, domain.staff)}
    heads = rng.choice(_LAYOUTS)
    first, second, third = (weave(rng, head) for head in heads[:3])
    why = [*rng.sample(domain.needs, rng.choice((1, 2, 2))), rng.choice(_AIMS)]
    work = rng.sample(domain.work, min(rng.choice((4, 4, 5, 6)), len(domain.work)))
    rules = [rng.choice(group) for group in rng.sample(_EXTRA, rng.choice((2, 3, 4)))]
    parts = [first + "".join(weave(rng, one, facts) for one in why)]
    lines = [weave(rng, one, facts) for one in work]
    parts.append(second + ("\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
                           if heads[3] else "".join(lines)))
    parts.append(third + "".join(weave(rng, one, facts) for one in rules))
    return "\n".join(parts)


class Library:
    """Hands out bodies of which no two share more than MOST_ALIKE of their runs of eight characters.

    Texts are compared with all that were handed out; a candidate that is too much alike is thrown away.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kept: list[frozenset[str]] = []
        self._where: dict[str, list[int]] = {}

    def body(self, domain: Domain, where: Place, people: int, months: int) -> str:
        """Return a text that is unlike all before it."""
        for _ in range(TRIES):
            text = body(self._rng, domain, where, people, months)
            if LEAST <= len(text) <= MOST and self._is_new(runs := shingles(text)):
                self._keep(runs)
                return text
        msg = f"no new text for {domain.key} after {TRIES} tries"
        raise RuntimeError(msg)

    def _is_new(self, runs: frozenset[str]) -> bool:
        """Say whether no kept text shares too much; only texts that share a run are looked at."""
        shared: dict[int, int] = {}
        for run in runs:
            for number in self._where.get(run, ()):
                shared[number] = shared.get(number, 0) + 1
        return all(overlap(runs, self._kept[number]) <= MOST_ALIKE
                   for number, count in shared.items() if count > MOST_ALIKE * len(runs) * 0.3)

    def _keep(self, runs: frozenset[str]) -> None:
        """Remember a text."""
        number = len(self._kept)
        self._kept.append(runs)
        for run in runs:
            self._where.setdefault(run, []).append(number)


_BATCHES = ("第一批", "第二批", "第三批", "2026 年度", "下半年", "试点")


def title(rng: random.Random, domain: Domain, where: Place) -> str:
    """Return a project title as units write it."""
    return weave(rng, rng.choice(domain.titles),
                 {"town": where.town, "place": where.place, "batch": rng.choice(_BATCHES)})


def distinct_title(rng: random.Random, domain: Domain, where: Place, used: set[str]) -> str:
    """Return a title nobody used yet; a year or a batch tells two apart that would be the same."""
    for _ in range(8):
        made = title(rng, domain, where)
        if made not in used:
            used.add(made)
            return made
    number = 2
    while (made := f"{title(rng, domain, where)}（{where.place}片区{number}）") in used:
        number += 1
    used.add(made)
    return made


def summary(rng: random.Random, domain: Domain, where: Place, people: int) -> str:
    """Return one sentence for lists."""
    return weave(rng, "{面向|为}" + where.town + "约<people>名" + "{服务对象|受益人}，{以|用}“" + rng.choice(domain.plan_words)
                 + "”的{方式|路子}{提供|开展}" + domain.skill + "服务。", {"people": str(people)})


def indicators(rng: random.Random, domain: Domain) -> list[dict[str, object]]:
    """Return three or four indicators with targets."""
    chosen = rng.sample(domain.outputs, rng.choice((3, 4)))
    return [{"name": one.name, "target": str(pick_number(rng, one.least, one.most, one.step)), "unit": one.unit,
             "evidence": one.evidence} for one in sorted(chosen, key=domain.outputs.index)]


def criteria(rng: random.Random, domain: Domain, price_weight: int) -> list[dict[str, object]]:
    """Return scoring criteria whose weights and the price weight total 100."""
    rest = 100 - price_weight
    names = ("服务方案", "团队与人员", f"{domain.skill}经验", "质量与安全保障", "预算合理性")[:rng.choice((4, 4, 5))]
    shares = [rng.choice((30, 35)), rng.choice((20, 25)), rng.choice((15, 20)), 10, 5][:len(names)]
    total, left, made = sum(shares), rest, []
    for place, name in enumerate(names):
        weight = left if place == len(names) - 1 else rest * shares[place] // total
        left -= weight
        high, middle = weight - weight // 4, weight // 2
        made.append({"name": name, "weight": weight,
                     "levels": f"{high}–{weight} {rng.choice(_LEVELS_HIGH)}\n{middle}–{high - 1} "
                               f"{rng.choice(_LEVELS_MIDDLE)}\n0–{middle - 1} {rng.choice(_LEVELS_LOW)}"})
    return made


_LEVELS_HIGH = ("具体可行，切合本地需求，有可核对的安排", "针对性强，步骤、时间、人员一一对应", "有同类成果佐证，风险想得周全")
_LEVELS_MIDDLE = ("基本可行，个别环节不具体", "思路清楚，但与本地情况结合不够", "能满足要求，佐证材料不多")
_LEVELS_LOW = ("笼统，多为通用表述", "缺少关键环节或前后矛盾", "没有响应或无法核实")

_PAYMENTS = (
    (("首期款", 40, "合同签订并提交实施计划"), ("中期款", 40, "通过中期检查"), ("尾款", 20, "通过结项验收")),
    (("首期款", 30, "合同生效，人员到岗"), ("进度款", 50, "完成过半指标并通过核验"), ("尾款", 20, "验收合格，资料移交")),
    (("首期款", 50, "合同签订"), ("尾款", 50, "验收合格")),
    (("第一季度", 25, "季度考核合格"), ("第二季度", 25, "季度考核合格"), ("第三季度", 25, "季度考核合格"), ("第四季度", 25, "结项验收合格")),
)


def milestones(rng: random.Random) -> list[dict[str, object]]:
    """Return a payment plan that totals 100 per cent."""
    return [{"title": name, "percent": percent, "condition": condition, "days_after": rng.choice((10, 15, 20, 30))}
            for name, percent, condition in rng.choice(_PAYMENTS)]


def offer_texts(rng: random.Random, domain: Domain, bidder: str, where: Place) -> dict[str, str]:
    """Return the free texts of one organization's offer."""
    facts = {"town": where.town, "place": where.place, "bidder": bidder, "staff": weave(rng, domain.staff),
             "way": rng.choice(domain.plan_words), "skill": domain.skill}
    steps = "\n".join(weave(rng, one, facts) for one in rng.sample(domain.work, 3))
    return {
        "summary": weave(rng, "{我们|本机构}以“<way>”{为主线|组织服务}，{先|前两周}{摸清|核实}<place>的{底数|名单}，{再|随后}"
                              "{分层|分类}服务，{力争|确保}{按期|提前}完成全部指标。", facts),
        "plan": weave(rng, "{第一个月|进场首月}{建档|建队}、{对接|走访}<town>{村居|各点位}；{第二个月|随后}起{全面|分片}服务。\n", facts) + steps,
        "team": weave(rng, "{项目负责人|主管}从事<skill>工作<4-14>年；{另有|配备}<staff>，{全部|均}{签订劳动合同|在册参保}。", facts),
        "track_record": weave(rng, "{近三年|过去三年}承接{同类|相近}项目<2-9>个，{最近一个|其中一个}{末期评分|验收}<86-97>分，"
                                   "{服务|惠及}<300-4200:100>人。", facts),
        "budget_notes": weave(rng, "{人员|人力}<48-66>%，{活动与物料|服务成本}<18-30>%，{培训督导|能力建设}<3-8>%，{管理与税费|其余}列支。"),
    }


def sentence(rng: random.Random, patterns: Iterable[str], facts: Mapping[str, str] | None = None) -> str:
    """Return one of `patterns`, woven."""
    return weave(rng, rng.choice(list(patterns)), facts)


COMMENTS = ("{方案|安排}{具体|落地}，{与|贴合}本地情况{相符|一致}。", "{人员|团队}{稳定|有经验}，但{督导|替补}安排{偏弱|未写明}。",
            "{预算|经费}{结构|分配}{合理|清楚}，{物料|活动}部分{略高|可再压}。", "{同类|相近}经验{充分|扎实}，{佐证|材料}{齐全|可查}。",
            "{风险|应急}{考虑|预案}{周到|完整}。", "{指标|任务}{拆解|分月}{清楚|明白}，{衔接|移交}{一笔带过|需补充}。")
QUESTIONS = ("{响应人|投标单位}{是否必须|要不要}在{本区|当地}{有|设}办公点？", "{服务人次|指标}{跨月|超额}部分{能否|可不可以}{结转|计入下期}？",
             "{现有|原}场地{是否|能否}{继续|免费}提供，水电费{由谁|怎么}承担？", "{联合|两家}响应{是否|可否}接受？",
             "{负责人|主管}{可以|能否}{同时|兼}管两个项目？")
ANSWERS = ("{不作要求|不要求}，{能|可以}按时{到场|服务}即可，以公告为准。", "{按|以}合同约定的{周期|总量}核算，{具体|细则}见公告“付款安排”。",
           "{由|请}采购单位{协调|提供}，{费用|开支}不计入报价。", "{不接受|本项目不接受}；{可以|允许}列明专业协作内容。",
           "{可以|允许}，但{每周|在岗}时间须{达到|满足}公告要求。")
AWARD_REASONS = ("综合得分最高，{方案|安排}切合{本地|项目}需求，{报价|价格}合理。", "评审小组排名第一，{人员|团队}和{经验|业绩}{优势明显|突出}。",
                 "排名第一；{质量|安全}保障{完整|具体}，{预算|费用}{清楚|透明}。")
RETURN_REASONS = ("{指标|服务量}{没有|未写}核对办法，请补充证明材料后再报。", "{预算|金额}与{清单|年初安排}不一致，请核对。",
                  "{付款|验收}条件{太笼统|不具体}，请写明时间和标准。")
FAIL_REASONS = ("响应单位不足三家，按规则流标，调整需求后重新发布。",)
END_REASONS = ("{年中|本季度}预算调整，{项目|该服务}由{上级|区级}统一安排，终止采购。", "{服务场地|站点}{改造|搬迁}，{实施|开展}条件发生变化，终止采购。",
               "{需求|情况}{重大|明显}变化，{原|现有}方案不再适用，终止后另行立项。")
RECUSALS = ("近三年在其中一家响应单位任理事，申请回避。", "与一家响应单位的法定代表人是近亲属，申请回避。", "曾为其中一家响应单位做过项目设计，申请回避。")
OBJECTIONS = ("我方对“{团队与人员|同类经验}”一项得分偏低有异议，请复核评分依据。", "公告中中选单位的{业绩|人员证书}是否核实？请说明。")
OBJECTION_ANSWERS = ("已{复核|重新核对}评分记录，评委独立打分、汇总无误，异议不成立。", "已{核验|核对}原件与合同，材料真实，结果不变。")
