#include "dns/core/answer/denial.h"

namespace dns {

template <class Trace>
void deny(Draft<Trace>& draft, const Zone& zone, AnswerKind kind) {
  draft.frame.info.kind = kind;
  if (kind == AnswerKind::nxdomain) draft.frame.info.rcode = Rcode::nxdomain;
  draft.trace.note("answer",
                   [&] { return kind == AnswerKind::nxdomain ? "no such name" : "no such type at this name"; });
  const unsigned apex = draft.name->labels() - zone.apex_labels();
  draft.frame.add_at(Section::authority, zone.negative_soa(), draft.shared_from(apex));
}

template void deny(Draft<NullTrace>&, const Zone&, AnswerKind);
template void deny(Draft<RecordingTrace>&, const Zone&, AnswerKind);

}  // namespace dns
