"""What an organization can do about its points: by criterion, as it is told on its own pages. Pure."""

from collections.abc import Mapping

from marketplace.core.text import N_
from marketplace.matching.rules.weights import Criterion

FACTS_TO_FILL: Mapping[Criterion, str] = {      # what is not known where a neutral value stands in
    Criterion.CATEGORY: N_("服务类别"), Criterion.TEXT: N_("业务范围和机构介绍"), Criterion.AREA: N_("服务区域"),
    Criterion.TRACK: N_("以往项目"), Criterion.BUDGET: N_("以往项目的金额"), Criterion.CAPACITY: N_("可同时承接的项目数"),
}
WHAT_HELPS: Mapping[Criterion, str] = {
    Criterion.CATEGORY: N_("如果确实提供这类服务，在“组织资料”补充与项目相同的服务类别"),
    Criterion.TEXT: N_("在“组织资料”的业务范围和介绍里写清服务对象和做法，用项目公告的说法"),
    Criterion.AREA: N_("如果愿意到当地服务，在“组织资料”补充项目所在的服务区域"),
    Criterion.TRACK: N_("在“组织资料”补充做过的项目；在本平台履约完成的合同会自动计入"),
    Criterion.BUDGET: N_("在“组织资料”补充规模相近的以往项目和金额"),
    Criterion.CAPACITY: N_("在“组织资料”更新可同时承接的项目数；在手项目完成后会自动恢复"),
}
