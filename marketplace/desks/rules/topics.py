"""What a page of help is made of, and the pages for each role. Pure; the texts are message ids."""

from collections.abc import Iterator
from dataclasses import dataclass

from marketplace.core.text import N_


@dataclass(frozen=True)
class Example:
    """Something to type into the search, as a link, and what it finds. {place}: a town of this site."""

    query: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """A part of a page: steps in their order, points in none, answers to questions, examples of searches."""

    title: str
    steps: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    examples: tuple[Example, ...] = ()

    def sentences(self) -> Iterator[str]:
        """Yield every sentence, the title first."""
        yield self.title
        yield from self.steps
        yield from self.points
        for question, answer in self.answers:
            yield question
            yield answer
        yield from (example.meaning for example in self.examples)


@dataclass(frozen=True)
class Topic:
    """A page of help. `links`: word and path of the pages on which it is done."""

    title: str
    intro: str
    sections: tuple[Section, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    def sentences(self) -> Iterator[str]:
        """Yield every sentence below the title."""
        yield self.intro
        for section in self.sections:
            yield from section.sentences()


ROLES: dict[str, Topic] = {
    "buyer": Topic(
        N_("购买单位：从清单到合同"), N_("给镇街和部门的经办人、审核人：公布清单、发布项目、组织评审、签订合同。"),
        (
            Section(N_("准备清单"), (
                N_("在“单位工作台”点“导入年度清单”，把办公用的表格（XLSX、XLS 或 CSV）传上来。"),
                N_("核对系统认出的列名。合并的标题、小计和合计行会自动跳过。"),
                N_("逐条看有问题的行，改好或去掉，再保存为草稿。"),
                N_("审核人核对后公布。公布后再改，要写明理由，旧版本一直可查。"),
            )),
            Section(N_("发布项目"), (
                N_("在清单里选一行，点“生成项目”，预算和类别会带过来。"),
                N_("按“任务清单”一节一节填写。页面随写随存。"),
                N_("送审后由本单位另一位审核人发布或退回，起草人不能自己批准。"),
                N_("截止时间须满足规定的工作日，页面会算好最早的日期。"),
            )),
            Section(N_("答疑和澄清"), (
                N_("供应方的提问匿名显示，答复向所有人公开。"),
                N_("需要更正时发“澄清”。影响报价的，截止时间要顺延。"),
            )),
            Section(N_("启封、评审、定标"), (
                N_("截止一分钟后系统自动启封，启封记录当天公开。"),
                N_("抽取评审小组。组员先申明有无利害关系，需要回避的由下一位递补。"),
                N_("全部评分表交齐后生成排名。按排名确定中选方，公告并通知每一家。"),
                N_("公示期内有异议先答复，再签合同。"),
            )),
            Section(N_("签合同"), (
                N_("公示期满且没有未答复的异议，系统按公开的条款生成合同 PDF。"),
                N_("双方盖章后登记签署日期。文件可用查验码随时核对。"),
            )),
            Section(N_("让项目容易被找到"), points=(
                N_("名称写明给谁做什么，例如“桐浦街道长者助餐服务”，不要只写“采购项目”。"),
                N_("选对服务类别和地区。别人按类别、按镇街筛选时才看得到。"),
                N_("摘要用一两句话说清内容。搜索时，名称和摘要里的词比正文里的排得靠前。"),
                N_("附件用能选取文字的 PDF、Word 或 Excel，扫描件里的文字搜不到。"),
            )),
        ), ((N_("单位工作台"), "/desk"), (N_("采购清单"), "/purchase-lists"))),
    "provider": Topic(
        N_("社会组织：找项目、写响应、看结果"), N_("给社会组织的管理员和成员：注册、找项目、提交响应文件、查看结果。"),
        (
            Section(N_("注册和核验"), (
                N_("点页面上方“机构注册”，填写名称和统一社会信用代码。"),
                N_("补全服务类别、人员和业绩，送平台核验。核验前可以看项目，不能提交。"),
                N_("管理员可以邀请同事加入，一起写响应。"),
            )),
            Section(N_("找项目"), (
                N_("在页面上方搜索，或在“项目”页按类别、镇街、预算和截止时间筛选。"),
                N_("工作台会列出与机构服务类别相符的项目。"),
                N_("点“订阅此搜索”，有新的合适项目会通知您。"),
                N_("有疑问在项目页公开提问，提问人不显示。"),
            )),
            Section(N_("写响应、提交"), (
                N_("在项目页点“准备响应文件”，按任务清单填写报价、方案、团队。"),
                N_("报价以元为单位，可以写“36.8万”，页面会显示换算。"),
                N_("“检查并提交”页列出全部内容，核对后点“密封并提交”。看到回执才算提交。"),
                N_("截止前可以撤回或重新提交，以最后一次为准。"),
            )),
            Section(N_("看结果"), (
                N_("启封后可以核对自己的密封摘要。"),
                N_("结果公告后，可以看到本机构各项得分和名次。"),
                N_("对结果有异议，在公示期内在结果页提出。"),
            )),
            Section(N_("让机构容易被找到"), points=(
                N_("在机构资料里选全服务类别和服务地域，搜索和筛选都用它们。"),
                N_("业务范围和以往项目写具体的服务，例如“居家养老”“青少年社工”。"),
                N_("电话、银行账号和负责人信息不会收入搜索。"),
            )),
        ), ((N_("项目"), "/projects"), (N_("机构工作台"), "/org"))),
    "expert": Topic(
        N_("评审专家：申明、打分、提交"), N_("给评审小组的组员：抽中以后做什么，怎样打分，什么时候提交。"),
        (
            Section(N_("抽中之后"), (
                N_("会收到待办“申明有无利害关系”。"),
                N_("和任何一家参加单位有任职、亲属、合作等关系的，请选择回避并写明理由。"),
            )),
            Section(N_("打分"), (
                N_("左边看响应文件，右边逐项给分。每项分值有分档说明。"),
                N_("页面随填随存，可以退出后接着打。"),
                N_("同一项目按同一把尺子，打完可以回头比较后调整。"),
            )),
            Section(N_("提交评分表"), (
                N_("核对合计后提交。提交后不能再改。"),
                N_("价格分由系统按公开的公式计算，不需要您填。"),
                N_("评审情况须保密，不得私下联系参加单位。"),
            )),
        ), ((N_("评审工作"), "/panel"),)),
    "funder": Topic(
        N_("基金会：看项目、看结果"), N_("给基金会和慈善会：按领域看公开的项目、结果和合同。"),
        (
            Section(N_("看公开项目"), (
                N_("“资助方工作台”按服务领域列出公开项目的数量、预算和签约情况。"),
                N_("点领域名称，可以只看这一领域正在征集和已签约的项目。"),
                N_("关心某一类服务或某个镇街的，可以订阅搜索，有新项目时收到通知。"),
            )),
            Section(N_("看结果和合同"), (
                N_("每个项目页有启封记录、结果公告和合同公告。"),
                N_("合同文件可以用查验码核对真伪。"),
            )),
        ), ((N_("资助方工作台"), "/fund"), (N_("公告公示"), "/notices"))),
    "resident": Topic(
        N_("居民和公众：查项目、核合同"), N_("不用登录，人人可以查身边的公益服务项目：做什么、花多少钱、谁来做。"),
        (
            Section(N_("查身边的项目"), (
                N_("不用登录。在首页点镇街，或在页面上方搜索，写地名和想找的服务就行。"),
                N_("项目页写明要做什么、多少钱、谁出钱、现在到哪一步。"),
            )),
            Section(N_("看公告"), (
                N_("“公告公示”页按时间列出遴选、结果和合同公告。"),
            )),
            Section(N_("核对合同"), (
                N_("打开“查验文件”页，输入合同首页的查验码，或扫旁边的二维码。"),
                N_("手里有电子文件的，可以在浏览器里比对，文件不会上传。"),
            )),
        ), ((N_("项目"), "/projects"), (N_("查验文件"), "/v"))),
    "operator": Topic(
        N_("平台管理：核验、授权、审计"), N_("给平台的运营、安全和审计人员：核验机构、开通账号、日常检查。"),
        (
            Section(N_("核验机构"), (
                N_("在“平台管理”看待核验的机构，核对名称、代码和名录。"),
                N_("不通过要写明理由和怎样改正。"),
            )),
            Section(N_("账号和授权"), (
                N_("系统管理员开通账号，安全管理员授予角色，审计管理员只看记录。三者不能由一人兼任。"),
                N_("锁定的账号由安全管理员解锁。"),
            )),
            Section(N_("搜索词典"), (
                N_("在“平台管理”打开搜索词典，补上本地的叫法、简称和旧地名。"),
                N_("保存前先看会影响哪些搜索，再确认。改动在重建索引后生效，期间搜索照常使用。"),
            )),
            Section(N_("日常检查"), (
                N_("“后台任务”页看有没有停下的任务，可以重试。"),
                N_("“审计”页可以验证记录链是否完整。"),
            )),
        ), ((N_("平台管理"), "/ops"),)),
}
