#pragma once
// The admin port of meridian-dns: which path does what. Handlers run on the control loop.
//
//   GET  /metrics  /healthz  /status  /explain?name=&type=&client=&resolver=
//   POST /reload                                            waits for the outcome; refused: 422 with every error
//   POST /drain?target=&state=&reason=&expires=SECONDS      the operator's word on a region or an edge's address;
//                                                           answered when it is on disk, 500 if it could not be written
//   POST /undrain?target=                                   likewise

#include "dns/serve/control/control.h"
#include "shared/serve/admin/admin.h"

namespace dns {

// `control` outlives `admin`.
void add_routes(shared::Admin& admin, Control& control);

}  // namespace dns
