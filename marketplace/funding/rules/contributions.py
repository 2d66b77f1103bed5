"""In which forms a provider's own contribution (自筹) is proved. Pure (rulebook 4.4)."""

from collections.abc import Mapping

from marketplace.core.text import N_

KIND_LABELS: Mapping[str, str] = {
    "pledge": N_("捐赠协议"), "receipt": N_("票据或付款凭证"), "in_kind": N_("实物或服务"),
}
STATE_LABELS: Mapping[str, str] = {
    "claimed": N_("待核定"), "proved": N_("已核定"), "refused": N_("未认可"),
}
