/* SPDX-License-Identifier: BSD-2-Clause */
/* control_dane.h - what the control socket says of DANE, as JSON. */
#ifndef CONTROL_CONTROL_DANE_H
#define CONTROL_CONTROL_DANE_H

#include "control/control.h"
#include "control/control_json.h"
#include "lookup/ask.h"

/* What is known of DANE for HOP and what comes of it; NULL: no memory. */
json_t *control_dane_known(const struct domain_hop *hop,
                           const struct ask_result *result);

/* One step of a walk. */
json_t *control_dane_step(const struct dane_step *step);

/* Whether DANE is looked at at all, and what was done about it. */
json_t *control_dane_status(const struct control_options *options);

#endif
