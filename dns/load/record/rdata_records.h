#pragma once
// The fields that only one type of record has: LOC, APL, WKS, NSAP, the gateways of IPSECKEY and AMTRELAY, HIP. Called
// by FieldReader, which hands itself in.

#include "dns/load/record/rdata_fields.h"

namespace dns {

[[nodiscard]] Result<void> read_record_field(FieldReader& reader, Field field);

}  // namespace dns
