/* SPDX-License-Identifier: BSD-2-Clause */
/* transfer.c - writes and reads exported policies.
 *
 * SECURITY: a file may come from anywhere. What is imported is built from
 * values that policy_parse(), record_parse() and domain_from_key() have
 * accepted. */
#include "wire/transfer.h"

#include "base/buffer.h"
#include "sts/mx.h"

enum { WHY_MAX = 80 }; /* bytes of a bad value in a message */

/* The end of the year 9999, the last one that can be printed. */
static const int64_t time_max_s = 253402300799;

/* -- members --------------------------------------------------------------- */

static struct slice json_text(const json_t *value)
{
	if (!json_is_string(value))
		return slice_of("", 0);
	return slice_of(json_string_value(value), json_string_length(value));
}

static int shown_len(struct slice text)
{
	return text.len > WHY_MAX ? WHY_MAX : (int)text.len;
}

static int get_text(const json_t *object, const char *key, struct slice *ret,
                    struct fault *why)
{
	*ret = json_text(json_object_get(object, key));
	if (ret->len > 0)
		return MTS_OK;
	return fault_set(why, MTS_ESYNTAX, "%s: a text is expected", key);
}

static int get_number(const json_t *object, const char *key, int64_t min,
                      int64_t max, int64_t *ret, struct fault *why)
{
	const json_t *value = json_object_get(object, key);

	*ret = json_integer_value(value);
	if (json_is_integer(value) && *ret >= min && *ret <= max)
		return MTS_OK;
	return fault_set(why, MTS_ESYNTAX,
	                 "%s: a whole number from %lld to %lld is expected",
	                 key, (long long)min, (long long)max);
}

static int get_domain(const json_t *object, struct domain *ret,
                      struct fault *why)
{
	struct slice name;
	int rc = get_text(object, "domain", &name, why);

	if (rc != MTS_OK)
		return rc;
	/* An MTA's key can also be something else than a name. */
	if (!domain_is_name(name.data, name.len))
		return fault_set(why, MTS_ESYNTAX,
		                 "domain: '%.*s' is no domain name",
		                 shown_len(name), name.data);
	return domain_from_key(name.data, name.len, ret, why);
}

static int get_id(const json_t *object, char id[RECORD_ID_MAX + 1],
                  struct fault *why)
{
	struct sts_record record;
	struct fault record_why;
	struct buffer text;
	struct slice value;
	int rc = get_text(object, "id", &value, why);

	if (rc != MTS_OK)
		return rc;
	/* It is put into a record below, where a ';' would start a new field. */
	if (value.len > RECORD_ID_MAX || memchr(value.data, ';', value.len))
		return fault_set(why, MTS_ESYNTAX,
		                 "id: '%.*s' is none: 1 to %d letters and "
		                 "digits are expected",
		                 shown_len(value), value.data, RECORD_ID_MAX);
	buffer_init(&text, 100);
	buffer_puts(&text, "v=STSv1; id=");
	buffer_put_slice(&text, value);
	buffer_puts(&text, ";");
	rc = buffer_status(&text);
	if (rc == MTS_OK)
		rc = record_parse(buffer_slice(&text), &record, &record_why);
	buffer_free(&text);
	if (rc == MTS_OK)
		memcpy(id, record.id, sizeof(record.id));
	else if (rc == MTS_ENOMEM)
		fault_set(why, rc, "out of memory");
	else
		fault_set(why, rc, "id: %s", record_why.text);
	return rc;
}

/* -- the policy ------------------------------------------------------------ */

static int put_mx(const json_t *object, struct buffer *text, struct fault *why)
{
	const json_t *array = json_object_get(object, "mx");

	if (!json_is_array(array))
		return fault_set(why, MTS_ESYNTAX,
		                 "mx: an array of patterns is expected");
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct slice mx = json_text(json_array_get(array, i));

		if (mx.len == 0 || !mx_pattern_is_valid(mx))
			return fault_set(why, MTS_ESYNTAX,
			                 "mx: '%.*s' is no pattern that can be "
			                 "used",
			                 shown_len(mx), mx.data);
		buffer_puts(text, "mx:");
		buffer_put_slice(text, mx);
		buffer_puts(text, "\n");
	}
	return MTS_OK;
}

static int put_mode(const json_t *object, struct buffer *text,
                    struct fault *why)
{
	struct slice mode = json_text(json_object_get(object, "mode"));

	if (!slice_is(mode, "enforce") && !slice_is(mode, "testing") &&
	    !slice_is(mode, "none"))
		return fault_set(why, MTS_ESYNTAX,
		                 "mode: enforce, testing or none is expected");
	buffer_puts(text, "mode:");
	buffer_put_slice(text, mode);
	buffer_puts(text, "\n");
	return MTS_OK;
}

/* policy_observer's. */
static void transfer_on_note(void *arg, enum policy_note note, unsigned line,
                             struct slice text)
{
	bool *repeated = arg;

	(void)line;
	(void)text;
	if (note == POLICY_NOTE_REPEATED_MX)
		*repeated = true;
}

static int parse_text(const struct buffer *text, struct policy **ret,
                      struct fault *why)
{
	bool repeated = false;
	struct policy_observer observer = { .note = transfer_on_note,
		                            .arg = &repeated };
	struct policy *policy = NULL;
	int rc = policy_parse(buffer_slice(text), &observer, &policy, why);

	if (rc != MTS_OK)
		return rc;
	if (repeated) {
		policy_free(&policy);
		return fault_set(why, MTS_ESYNTAX,
		                 "mx: a pattern is there twice");
	}
	*ret = policy;
	return MTS_OK;
}

/* Writes the policy as the text that would have been fetched, and parses
 * that. */
static int get_policy(const json_t *object, struct policy **ret,
                      struct fault *why)
{
	struct buffer text;
	int64_t max_age_s;
	int rc = get_number(object, "max_age", 0, POLICY_MAX_AGE_MAX,
	                    &max_age_s, why);

	if (rc != MTS_OK)
		return rc;
	buffer_init(&text, (size_t)2 * TRANSFER_LINE_MAX);
	buffer_printf(&text, "version:STSv1\nmax_age:%lld\n",
	              (long long)max_age_s);
	rc = put_mode(object, &text, why);
	if (rc == MTS_OK)
		rc = put_mx(object, &text, why);
	if (rc == MTS_OK && buffer_status(&text) != MTS_OK)
		rc = fault_set(why, buffer_status(&text), "%s",
		               mts_status_text(buffer_status(&text)));
	if (rc == MTS_OK)
		rc = parse_text(&text, ret, why);
	buffer_free(&text);
	return rc;
}

static int get_used(const json_t *object, int64_t *ret, struct fault *why)
{
	const json_t *used = json_object_get(object, "used");

	*ret = 0;
	if (!used || json_is_null(used))
		return MTS_OK;
	return get_number(object, "used", 0, time_max_s, ret, why);
}

static int parse_policy(const json_t *object, struct transfer_line *ret,
                        struct fault *why)
{
	int rc = get_domain(object, &ret->domain, why);

	ret->kind = TRANSFER_POLICY;
	if (rc == MTS_OK)
		rc = get_id(object, ret->id, why);
	if (rc == MTS_OK)
		rc = get_number(object, "fetched", 1, time_max_s,
		                &ret->fetched_s, why);
	if (rc == MTS_OK)
		rc = get_used(object, &ret->used_s, why);
	if (rc == MTS_OK)
		rc = get_policy(object, &ret->policy, why);
	return rc;
}

/* -- lines ----------------------------------------------------------------- */

static int parse_header(const json_t *object, struct transfer_line *ret,
                        struct fault *why)
{
	struct slice format = json_text(json_object_get(object, "format"));
	const json_t *version = json_object_get(object, "version");

	ret->kind = TRANSFER_HEADER;
	if (!slice_is(format, TRANSFER_FORMAT))
		return fault_set(
		    why, MTS_ESYNTAX, "format: '%.*s' is not known; '%s' is",
		    shown_len(format), format.data, TRANSFER_FORMAT);
	if (!json_is_integer(version) ||
	    json_integer_value(version) != TRANSFER_VERSION)
		return fault_set(
		    why, MTS_ESYNTAX, "version: %lld is not known; %d is",
		    (long long)json_integer_value(version), TRANSFER_VERSION);
	return MTS_OK;
}

static int parse_last_line(const json_t *object, struct transfer_line *ret,
                           struct fault *why)
{
	int64_t count = 0;
	int rc = get_number(object, "policies", 0, INT64_MAX, &count, why);

	ret->kind = TRANSFER_END;
	ret->count = (uint64_t)count;
	return rc;
}

/* Out of memory, Jansson mostly gives no text, and sometimes reports a syntax
 * error: then a valid line is rejected, which is reported, too. */
static bool is_no_memory(const json_error_t *error)
{
	return error->text[0] == '\0' ||
	       json_error_code(error) == json_error_out_of_memory;
}

int transfer_parse(struct slice line, struct transfer_line *ret,
                   struct fault *why)
{
	json_error_t error;
	json_t *object;
	int rc;

	if (line.len > TRANSFER_LINE_MAX)
		return fault_set(why, MTS_ERANGE,
		                 "the line is longer than %d bytes",
		                 TRANSFER_LINE_MAX);
	*ret = (struct transfer_line){ 0 };
	object = json_loadb(line.len ? line.data : "", line.len,
	                    JSON_REJECT_DUPLICATES, &error);
	if (!object && is_no_memory(&error))
		return fault_set(why, MTS_ENOMEM, "out of memory");
	if (!object)
		return fault_set(why, MTS_ESYNTAX, "no JSON object: %s",
		                 error.text);
	if (json_object_get(object, "format"))
		rc = parse_header(object, ret, why);
	else if (json_object_get(object, "policies"))
		rc = parse_last_line(object, ret, why);
	else if (json_is_object(object))
		rc = parse_policy(object, ret, why);
	else
		rc = fault_set(why, MTS_ESYNTAX, "no JSON object");
	json_decref(object);
	return rc;
}

/* -- writing --------------------------------------------------------------- */

/* Takes ownership of VALUE. False: out of memory. */
static bool put_member(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

/* OBJECT if it is GOOD. */
static json_t *only_if(bool good, json_t *object)
{
	if (good)
		return object;
	json_decref(object);
	return NULL;
}

json_t *transfer_header(int64_t now_s, const char *program)
{
	json_t *object = json_object();

	return only_if(
	    put_member(object, "format", json_string(TRANSFER_FORMAT)) &&
		put_member(object, "version", json_integer(TRANSFER_VERSION)) &&
		put_member(object, "created", json_integer(now_s)) &&
		put_member(object, "program", json_string(program)),
	    object);
}

static json_t *mx_array(const struct policy *policy)
{
	json_t *array = json_array();
	size_t offset = 0;
	const char *mx;

	while ((mx = policy_next_mx(policy, &offset)))
		if (json_array_append_new(array, json_string(mx)) != 0)
			return only_if(false, array);
	return array;
}

json_t *transfer_policy(const char *domain, const char *id,
                        const struct policy *policy, int64_t fetched_s,
                        int64_t used_s)
{
	json_t *object = json_object();

	return only_if(
	    put_member(object, "domain", json_string(domain)) &&
		put_member(object, "id", json_string(id)) &&
		put_member(object, "fetched", json_integer(fetched_s)) &&
		put_member(object, "max_age",
	                   json_integer(policy->max_age_s)) &&
		put_member(object, "mode",
	                   json_string(policy_mode_text(policy->mode))) &&
		put_member(object, "mx", mx_array(policy)) &&
		put_member(object, "used",
	                   used_s ? json_integer(used_s) : json_null()),
	    object);
}

json_t *transfer_end(uint64_t count)
{
	json_t *object = json_object();

	return only_if(
	    put_member(object, "policies", json_integer((json_int_t)count)),
	    object);
}
