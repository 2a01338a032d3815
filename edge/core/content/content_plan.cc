#include "edge/core/content/content_plan.h"

namespace edge {

ContentPlan plan_content(const http::RequestHead& request, const Validators& present, std::uint64_t size,
                         http::UnixSeconds now) {
  ContentPlan plan;
  const Precondition precondition = check_preconditions(request.method, request.fields, present, now);
  if (precondition != Precondition::holds) {
    plan.status = precondition == Precondition::not_modified ? 304 : 412;
    return plan;
  }
  if (!request.fields.has(http::FieldId::range)) return plan;
  if (!range_condition_holds(request.fields, present, now)) return plan;
  plan.ranges = rule_ranges(request.method, request.fields, size);
  if (plan.ranges.kind == RangeRuling::Kind::partial) plan.status = 206;
  if (plan.ranges.kind == RangeRuling::Kind::unsatisfiable) plan.status = 416;
  return plan;
}

}  // namespace edge
