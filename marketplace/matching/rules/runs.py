"""Matching runs: their states, phases and publication, the kinds of edits, the news they make. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_

JOB_RUN_STARTED = "matching.run_started"        # run_ref: solve it
JOB_RUN_PUBLISHED = "matching.run_published"    # run_ref, edit (of a run in force): tell the units of its pairings
AT_ONCE = 500                                   # up to so many projects a page solves while the person waits
WHOLE = ""                                      # scope: every unit


class RunState(StrEnum):
    """Where the work of a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


RUN_LABELS: Mapping[RunState, str] = {
    RunState.QUEUED: N_("排队中"), RunState.RUNNING: N_("计算中"), RunState.DONE: N_("已完成"),
    RunState.CANCELLED: N_("已取消"), RunState.FAILED: N_("出错"),
}
RUN_STEPS = Lifecycle(
    {
        (RunState.QUEUED, "begin"): RunState.RUNNING,
        (RunState.QUEUED, "cancel"): RunState.CANCELLED,
        (RunState.RUNNING, "begin"): RunState.RUNNING,        # another worker takes over when the first one died
        (RunState.RUNNING, "finish"): RunState.DONE,
        (RunState.RUNNING, "cancel"): RunState.CANCELLED,
        (RunState.RUNNING, "fail"): RunState.FAILED,
    },
    RUN_LABELS,
)


class Phase(StrEnum):
    """What a running run is doing."""

    WAITING = "waiting"
    READING = "reading"
    SCORING = "scoring"
    SOLVING = "solving"
    METRICS = "metrics"
    STORING = "storing"


PHASE_LABELS: Mapping[Phase, str] = {
    Phase.WAITING: N_("等待开始"), Phase.READING: N_("读取项目和组织"), Phase.SCORING: N_("计算匹配度"),
    Phase.SOLVING: N_("求最优配对"), Phase.METRICS: N_("计算指标"), Phase.STORING: N_("保存结果"),
}
PHASE_STARTS: Mapping[Phase, int] = {          # per cent done when the phase begins
    Phase.WAITING: 0, Phase.READING: 1, Phase.SCORING: 15, Phase.SOLVING: 70, Phase.METRICS: 85, Phase.STORING: 92,
}


class Publication(StrEnum):
    """Whether others may see a run: a draft, in force, withdrawn, or replaced by a later one."""

    DRAFT = "draft"
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"
    SUPERSEDED = "superseded"


PUBLICATION_LABELS: Mapping[Publication, str] = {
    Publication.DRAFT: N_("未发布"), Publication.PUBLISHED: N_("已生效"), Publication.UNPUBLISHED: N_("已撤回"),
    Publication.SUPERSEDED: N_("已被新方案取代"),
}
PUBLICATION_STEPS = Lifecycle(
    {
        (Publication.DRAFT, "publish"): Publication.PUBLISHED,
        (Publication.PUBLISHED, "unpublish"): Publication.UNPUBLISHED,
        (Publication.UNPUBLISHED, "publish"): Publication.PUBLISHED,
        (Publication.PUBLISHED, "supersede"): Publication.SUPERSEDED,
        (Publication.DRAFT, "edit"): Publication.DRAFT,
        (Publication.UNPUBLISHED, "edit"): Publication.UNPUBLISHED,
        (Publication.PUBLISHED, "edit"): Publication.PUBLISHED,
    },
    PUBLICATION_LABELS,
)


class Reach(StrEnum):
    """Which projects of the scope take part."""

    OPEN = "open"
    PLANNED = "planned"
    ALL = "all"


REACH_LABELS: Mapping[Reach, str] = {
    Reach.OPEN: N_("正在征集的项目"), Reach.PLANNED: N_("筹备中的项目"), Reach.ALL: N_("筹备中和正在征集的项目"),
}


class NeedState(StrEnum):
    """What a run did with a project."""

    PAIRED = "paired"
    PARTLY = "partly"
    UNASSIGNED = "unassigned"
    WITHDRAWN = "withdrawn"


NEED_LABELS: Mapping[NeedState, str] = {
    NeedState.PAIRED: N_("已配对"), NeedState.PARTLY: N_("部分配对"), NeedState.UNASSIGNED: N_("没有合适的组织"),
    NeedState.WITHDRAWN: N_("已撤出"),
}


class Reason(StrEnum):
    """Why a project has nobody, or fewer than it asks for."""

    NONE = ""
    NO_CANDIDATE = "no_candidate"
    UNDER_LEAST = "under_least"
    TAKEN = "taken"
    TIED = "tied"
    WITHDRAWN = "withdrawn"
    GONE = "gone"


REASON_LABELS: Mapping[Reason, str] = {
    Reason.NONE: "", Reason.NO_CANDIDATE: N_("没有组织通过全部硬性规则"),
    Reason.UNDER_LEAST: N_("候选组织的匹配度都低于最低分"),
    Reason.TAKEN: N_("候选组织的名额给了总分更高的配对"),
    Reason.TIED: N_("其余候选组织与已安排的组织有关联，不能同时承接同一合同"), Reason.WITHDRAWN: N_("项目已撤出本次匹配"),
    Reason.GONE: N_("项目在计算期间已删除或不再参加"),
}


class PairingState(StrEnum):
    """A pairing is proposed by the solver, confirmed by a person (then frozen), or removed."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REMOVED = "removed"


PAIRING_LABELS: Mapping[PairingState, str] = {
    PairingState.PROPOSED: N_("建议"), PairingState.CONFIRMED: N_("已确认"), PairingState.REMOVED: N_("已移除"),
}
PAIRING_STEPS = Lifecycle(
    {
        (PairingState.PROPOSED, "confirm"): PairingState.CONFIRMED,
        (PairingState.CONFIRMED, "release"): PairingState.PROPOSED,
        (PairingState.PROPOSED, "remove"): PairingState.REMOVED,
        (PairingState.REMOVED, "propose"): PairingState.PROPOSED,
    },
    PAIRING_LABELS,
)


class EditKind(StrEnum):
    """What a person may overrule. `value` is the number of places or of providers asked for."""

    ADD = "add"                # a project posted later, or a withdrawn project or provider, takes part
    WITHDRAW = "withdraw"      # a project or a provider takes no part
    PIN = "pin"                # this project goes to this provider
    FORBID = "forbid"          # this project never goes to this provider
    CAPACITY = "capacity"      # the provider has so many free places
    WANTED = "wanted"          # the project asks for so many providers
    CONFIRM = "confirm"        # both sides agreed: the pairing is frozen
    RELEASE = "release"        # a pin, a forbid or a confirmation no longer holds


EDIT_LABELS: Mapping[EditKind, str] = {
    EditKind.ADD: N_("加入"), EditKind.WITHDRAW: N_("撤出"), EditKind.PIN: N_("指定"), EditKind.FORBID: N_("排除"),
    EditKind.CAPACITY: N_("改承接能力"), EditKind.WANTED: N_("改所需组织数"), EditKind.CONFIRM: N_("确认配对"),
    EditKind.RELEASE: N_("解除"),
}
OVERRIDES = (EditKind.PIN, EditKind.FORBID, EditKind.WITHDRAW)   # what counts as overruling the proposal
