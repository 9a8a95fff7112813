/* SPDX-License-Identifier: BSD-2-Clause */
/* control_dane.c - what the control socket says of DANE, as JSON. */
#include "control/control_dane.h"

static const char *verdict_text(const struct ask_result *result)
{
	switch (result->verdict) {
	case DANE_SAYS_DANE:
		return "dane";
	case DANE_SAYS_ONLY:
		return "dane-only";
	case DANE_SAYS_WAIT:
		return "wait";
	case DANE_SAYS_NOTHING:
		break;
	}
	return "nothing";
}

static int64_t ends_in_s(const struct dane_known *known)
{
	return (int64_t)known->ttl_s - (int64_t)known->age_s;
}

json_t *control_dane_known(const struct domain_hop *hop,
                           const struct ask_result *result)
{
	const struct dane_known *known = &result->dane;
	json_t *object = json_object();

	control_put_text(&object, "state", dane_state_text(known->state));
	control_put_bool(&object, "direct", hop->direct);
	control_put_count(&object, "port", hop->port);
	if (result->dane_off) {
		control_put_text(&object, "off", result->dane_off);
		return object;
	}
	if (known->state != DANE_NOT_KNOWN) {
		control_put_count(&object, "ttl", known->ttl_s);
		control_put_count(&object, "age", known->age_s);
		control_put_int(&object, "ends_in", ends_in_s(known));
	}
	if (known->reason[0])
		control_put_text(&object, "reason", known->reason);
	control_put_text(&object, "verdict", verdict_text(result));
	return object;
}

json_t *control_dane_step(const struct dane_step *step)
{
	json_t *object = json_object();

	control_put_text(&object, "name", step->name);
	control_put_bool(&object, "ok", step->ok);
	control_put_text(&object, "detail", step->text);
	return object;
}

static const char *mode_text(enum ask_dane mode)
{
	switch (mode) {
	case ASK_DANE_AUTO:
		return "auto";
	case ASK_DANE_ON:
		return "on";
	case ASK_DANE_PRECEDENCE:
		return "precedence";
	case ASK_DANE_OFF:
		break;
	}
	return "off";
}

/* "auto, off now: the resolver strips signatures" */
static void put_summary(json_t **object, enum ask_dane mode, bool on,
                        const char *dns)
{
	struct fault text;

	if (mode == ASK_DANE_OFF)
		fault_set(&text, MTS_OK, "off");
	else
		fault_set(&text, MTS_OK, "%s, %s now: %s", mode_text(mode),
		          on ? "on" : "off", dns);
	control_put_text(object, "summary", text.text);
}

static void put_counts(json_t **object, const struct dane_checks *walks)
{
	struct dane_counts counts = { 0 };

	if (walks)
		dane_checks_get_counts(walks, &counts);
	control_put_count(object, "walks", counts.walks);
	control_put_count(object, "unknowable", counts.unknowable);
	control_put_count(object, "joined", counts.joined);
	control_put_count(object, "timed_out", counts.timed_out);
	control_put_count(object, "under_way", counts.under_way);
	control_put_count(object, "waiting", counts.waiting);
	control_put_count(object, "known", counts.known);
}

json_t *control_dane_status(const struct control_options *options)
{
	struct secure_dns *dns = options->dns;
	enum secure_dns_health health =
	    dns ? secure_dns_health(dns) : SECURE_DNS_NONE;
	const char *text = dns ? secure_dns_text(dns) : "";
	bool on = options->walks &&
	          dane_checks_reach(options->walks) == DANE_REACH_ON;
	json_t *object = json_object();

	control_put_text(&object, "mode", mode_text(options->dane));
	control_put_bool(&object, "on", on);
	control_put_text(&object, "dnssec", secure_dns_health_text(health));
	put_summary(&object, options->dane, on, text);
	put_counts(&object, options->walks);
	return object;
}
