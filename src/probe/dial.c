/* SPDX-License-Identifier: BSD-2-Clause */
/* dial.c - connects to one address as a sender does, up to the TLS handshake.
 *
 * libcurl could hold the SMTP dialogue, but it verifies as a sender does, stops at
 * the first fault, and waits for the answer to QUIT when a connection is given up.
 * So this file uses OpenSSL directly, over memory: received bytes go into one BIO,
 * and bytes to send come out of the other.
 *
 * SECURITY: whatever a server sends, at most DIAL_INPUT_MAX bytes are read, and for
 * no longer than the time limit. */
#include "probe/dial.h"

#include "base/buffer.h"
#include "base/list.h"
#include "probe/smtp_reply.h"
#include "probe/tls_look.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DIAL_INPUT_MAX = 256 * 1024, /* a certificate chain has about 5 KiB */
	DIAL_READ = 16 * 1024,
};

struct dialer {
	const struct probe_options *options;
	SSL_CTX *context;
};

enum dial_state {
	DIAL_CONNECT,  /* leaves by dial_on_connect() */
	DIAL_BANNER,   /* waits for the greeting; leaves by dial_on_reply() */
	DIAL_EHLO,     /* EHLO was sent; leaves by dial_on_reply() */
	DIAL_STARTTLS, /* STARTTLS was sent; leaves by dial_on_reply() */
	DIAL_TLS,      /* the handshake; leaves by dial_handshake() */
	DIAL_DONE,     /* the callback has come, or was cancelled */
};

struct dial {
	struct dialer *dialer;
	enum dial_state state;
	uv_tcp_t tcp;
	uv_timer_t timer;
	unsigned open; /* handles not yet closed */
	uv_connect_t connect;
	char host[DOMAIN_MAX + 1];
	bool smtp;
	size_t input; /* bytes received so far */
	struct buffer in;
	struct smtp_reply reply;
	char read[DIAL_READ];
	SSL *ssl;
	uint64_t start_ms;
	struct mx_address result;
	dial_callback *callback; /* NULL: cancelled, or called */
	void *arg;
};

/* -- the end --------------------------------------------------------------- */

static void dial_on_closed(uv_handle_t *handle)
{
	struct dial *dial = handle->data;

	if (--dial->open > 0)
		return;
	SSL_free(dial->ssl);
	buffer_free(&dial->in);
	tls_view_free(&dial->result.view);
	free(dial);
}

static void dial_close(struct dial *dial)
{
	dial->state = DIAL_DONE;
	dial->callback = NULL;
	if (!uv_is_closing((uv_handle_t *)&dial->tcp))
		uv_close((uv_handle_t *)&dial->tcp, dial_on_closed);
	if (!uv_is_closing((uv_handle_t *)&dial->timer))
		uv_close((uv_handle_t *)&dial->timer, dial_on_closed);
}

static void dial_end(struct dial *dial, enum reach reach, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

/* Ends the dial with this result, and calls the callback. Only called from the
 * event loop. */
static void dial_end(struct dial *dial, enum reach reach, const char *format,
                     ...)
{
	dial_callback *callback = dial->callback;
	va_list ap;

	if (dial->state == DIAL_DONE)
		return;
	dial->result.reach = reach;
	va_start(ap, format);
	fault_vtext(dial->result.error, sizeof(dial->result.error), format, ap);
	va_end(ap);
	dial->result.ms =
	    clock_mono_ms(dial->dialer->options->clock) - dial->start_ms + 1;
	dial_close(dial);
	callback(dial->arg, &dial->result);
}

void dial_cancel(struct dial **dial)
{
	if (!*dial)
		return;
	dial_close(*dial);
	*dial = NULL;
}

static const char *dial_state_text(const struct dial *dial)
{
	switch (dial->state) {
	case DIAL_CONNECT:
		return "no connection";
	case DIAL_BANNER:
		return "connected, but no greeting";
	case DIAL_EHLO:
		return "no answer to EHLO";
	case DIAL_STARTTLS:
		return "no answer to STARTTLS";
	case DIAL_TLS:
		return "no TLS handshake";
	case DIAL_DONE:
		break;
	}
	return "nothing";
}

/* Ends the dial because of WHY, in whatever state it is. */
static void dial_fail(struct dial *dial, const char *why)
{
	dial_end(dial,
	         dial->state == DIAL_TLS        ? REACH_TLS_FAILED
	         : dial->state == DIAL_STARTTLS ? REACH_PLAIN
	                                        : REACH_FAILED,
	         "%s: %s", dial_state_text(dial), why);
}

static void dial_on_timer(uv_timer_t *timer)
{
	dial_fail(timer->data, "timed out");
}

/* -- writing --------------------------------------------------------------- */

struct dial_write {
	uv_write_t request;
	char data[];
};

static void dial_on_written(uv_write_t *request, int status)
{
	(void)status; /* if it failed, reading fails too */
	free(container_of(request, struct dial_write, request));
}

static bool dial_send(struct dial *dial, const void *data, size_t len)
{
	struct dial_write *write = malloc(sizeof(*write) + len);
	uv_buf_t buf;

	if (!write)
		return false;
	memcpy(write->data, data, len);
	buf = uv_buf_init(write->data, (unsigned)len);
	if (uv_write(&write->request, (uv_stream_t *)&dial->tcp, &buf, 1,
	             dial_on_written) != 0) {
		free(write);
		return false;
	}
	return true;
}

/* Sends QUIT if that is possible at once: it is only polite. */
static void dial_send_quit(struct dial *dial)
{
	char quit[] = "QUIT\r\n";
	uv_buf_t buf = uv_buf_init(quit, sizeof(quit) - 1);

	(void)uv_try_write((uv_stream_t *)&dial->tcp, &buf, 1);
}

static bool dial_flush_tls(struct dial *dial)
{
	BIO *out = SSL_get_wbio(dial->ssl);
	char *data = NULL;
	long len = BIO_get_mem_data(out, &data);
	bool good = true;

	if (len > 0)
		good = dial_send(dial, data, (size_t)len);
	(void)BIO_reset(out);
	return good;
}

/* -- TLS ------------------------------------------------------------------- */

static void dial_look(struct dial *dial, enum reach reach, const char *error)
{
	const struct probe_options *options = dial->dialer->options;
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(dial->ssl);
	const char *version =
	    reach == REACH_TLS ? SSL_get_version(dial->ssl) : "";

	if (chain && tls_look(fetcher_ca_store(options->fetcher), dial->host,
	                      chain, version, clock_wall_s(options->clock),
	                      &dial->result.view) != MTS_OK) {
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
		return;
	}
	if (reach == REACH_TLS && !chain)
		dial_end(dial, REACH_TLS_FAILED,
		         "the server sent no certificate");
	else
		dial_end(dial, reach, "%s", error);
}

static void dial_fail_tls(struct dial *dial)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	char text[120];

	snprintf(text, sizeof(text), "TLS handshake failed: %s",
	         reason ? reason : "the server sent something else");
	ERR_clear_error();
	dial_look(dial, REACH_TLS_FAILED, text);
}

static void dial_handshake(struct dial *dial)
{
	int rc;
	int error;

	ERR_clear_error();
	rc = SSL_do_handshake(dial->ssl);
	error = SSL_get_error(dial->ssl, rc);
	if (!dial_flush_tls(dial)) {
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
	} else if (rc == 1) {
		if (dial->smtp && SSL_write(dial->ssl, "QUIT\r\n", 6) == 6)
			(void)dial_flush_tls(dial);
		dial_look(dial, REACH_TLS, "");
	} else if (error != SSL_ERROR_WANT_READ &&
	           error != SSL_ERROR_WANT_WRITE) {
		dial_fail_tls(dial);
	}
}

static void dial_begin_tls(struct dial *dial)
{
	BIO *in = BIO_new(BIO_s_mem());
	BIO *out = BIO_new(BIO_s_mem());

	dial->state = DIAL_TLS;
	dial->ssl = SSL_new(dial->dialer->context);
	if (!in || !out || !dial->ssl) {
		BIO_free(in);
		BIO_free(out);
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
		return;
	}
	SSL_set_bio(dial->ssl, in, out);
	SSL_set_connect_state(dial->ssl);
	if (SSL_set_tlsext_host_name(dial->ssl, dial->host) != 1)
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
	else
		dial_handshake(dial);
}

static void dial_take_tls(struct dial *dial, struct slice data)
{
	if (BIO_write(SSL_get_rbio(dial->ssl), data.data, (int)data.len) !=
	    (int)data.len)
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
	else
		dial_handshake(dial);
}

/* -- SMTP ------------------------------------------------------------------ */

static void dial_ask(struct dial *dial, enum dial_state state, const char *verb,
                     const char *arg)
{
	char line[DOMAIN_MAX + 16];
	int len = snprintf(line, sizeof(line), "%s%s%s\r\n", verb,
	                   *arg ? " " : "", arg);

	dial->state = state;
	if (len < 0 || (size_t)len >= sizeof(line) ||
	    !dial_send(dial, line, (size_t)len))
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
}

/* A server too old for EHLO continues with HELO and has no extensions, so no
 * STARTTLS (RFC 5321 3.2, 4.2.2). */
static bool dial_lacks_ehlo(const struct dial *dial,
                            const struct smtp_reply *reply)
{
	return dial->state == DIAL_EHLO &&
	       (reply->code == 500 || reply->code == 502);
}

static void dial_on_reply(struct dial *dial, const struct smtp_reply *reply)
{
	bool good = reply->code >= 200 && reply->code < 300;

	if (!good)
		dial_send_quit(dial);
	if (dial->state == DIAL_STARTTLS && good)
		dial_begin_tls(dial);
	else if (dial->state == DIAL_STARTTLS)
		dial_end(dial, REACH_PLAIN,
		         "STARTTLS is offered but refused: %s", reply->text);
	else if (dial_lacks_ehlo(dial, reply))
		dial_end(dial, REACH_PLAIN, "it does not know EHLO: %s",
		         reply->text);
	else if (!good)
		dial_end(dial, REACH_FAILED, "the server says: %s",
		         reply->text);
	else if (dial->state == DIAL_BANNER)
		dial_ask(dial, DIAL_EHLO, "EHLO", dial->dialer->options->ehlo);
	else if (reply->starttls)
		dial_ask(dial, DIAL_STARTTLS, "STARTTLS", "");
	else {
		dial_send_quit(dial);
		dial_end(dial, REACH_PLAIN, "%s", "");
	}
}

static void dial_take_smtp(struct dial *dial, struct slice data)
{
	size_t used;
	int status = MTS_OK;

	if (buffer_put_slice(&dial->in, data) != MTS_OK) {
		dial_end(dial, REACH_NOT_TRIED, "out of memory");
		return;
	}
	while (dial->in.len && status == MTS_OK && dial->state != DIAL_DONE &&
	       dial->state != DIAL_TLS) {
		struct smtp_reply whole;

		status = smtp_reply_take(&dial->reply, buffer_slice(&dial->in),
		                         &used);
		buffer_consume(&dial->in, used);
		if (status != MTS_OK)
			break;
		whole = dial->reply;
		dial->reply = (struct smtp_reply){ .code = 0 };
		dial_on_reply(dial, &whole);
	}
	if (status == MTS_ESYNTAX)
		dial_end(dial, REACH_FAILED, "the server does not speak SMTP");
}

/* -- the connection -------------------------------------------------------- */

static void dial_on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct dial *dial = handle->data;

	(void)size;
	*buf = uv_buf_init(dial->read, sizeof(dial->read));
}

static void dial_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct dial *dial = stream->data;
	struct slice data;

	if (len == 0 || dial->state == DIAL_DONE)
		return;
	if (len < 0) {
		dial_fail(dial, len == UV_EOF
		                    ? "the server closed the connection"
		                    : uv_strerror((int)len));
		return;
	}
	data = slice_of(buf->base, (size_t)len);
	dial->input += data.len;
	if (dial->input > DIAL_INPUT_MAX)
		dial_fail(dial, "the server sends too much");
	else if (dial->state == DIAL_TLS)
		dial_take_tls(dial, data);
	else
		dial_take_smtp(dial, data);
}

static void dial_on_connect(uv_connect_t *connect, int status)
{
	struct dial *dial = connect->data;

	if (status == UV_ECANCELED || dial->state == DIAL_DONE)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&dial->tcp, dial_on_alloc,
		                       dial_on_read);
	if (status != 0) {
		dial_fail(dial, uv_strerror(status));
		return;
	}
	if (dial->smtp)
		dial->state = DIAL_BANNER;
	else
		dial_begin_tls(dial);
}

/* If connecting fails at once, the timer reports it: the callback must not come from
 * inside dial_start(). */
static void dial_on_start_failed(uv_timer_t *timer)
{
	struct dial *dial = timer->data;

	dial_fail(dial,
	          dial->result.error[0] ? dial->result.error : "cannot start");
}

int dial_start(struct dialer *dialer, const char *host,
               const struct address *address, in_port_t port, bool smtp,
               dial_callback *callback, void *arg, struct dial **ret)
{
	struct dial *dial = calloc(1, sizeof(*dial));
	uv_loop_t *loop = resolver_loop(dialer->options->resolver);
	struct sockaddr_storage to;
	int rc;

	if (!dial)
		return MTS_ENOMEM;
	dial->dialer = dialer;
	dial->smtp = smtp;
	dial->callback = callback;
	dial->arg = arg;
	dial->result.address = *address;
	dial->start_ms = clock_mono_ms(dialer->options->clock);
	snprintf(dial->host, sizeof(dial->host), "%s", host);
	buffer_init(&dial->in, DIAL_INPUT_MAX);
	uv_tcp_init(loop, &dial->tcp);
	uv_timer_init(loop, &dial->timer);
	dial->tcp.data = dial->timer.data = dial->connect.data = dial;
	dial->open = 2;
	address_socket(address, port, &to);
	rc = uv_tcp_connect(&dial->connect, &dial->tcp, (struct sockaddr *)&to,
	                    dial_on_connect);
	if (rc != 0)
		snprintf(dial->result.error, sizeof(dial->result.error), "%s",
		         uv_strerror(rc));
	uv_timer_start(&dial->timer, rc ? dial_on_start_failed : dial_on_timer,
	               rc ? 0 : dialer->options->timeout_ms, 0);
	*ret = dial;
	return MTS_OK;
}

/* -- the dialer ------------------------------------------------------------ */

int dialer_new(const struct probe_options *options, struct dialer **ret)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));

	if (!dialer)
		return MTS_ENOMEM;
	dialer->options = options;
	dialer->context = SSL_CTX_new(TLS_client_method());
	/* Allow more than the system's openssl.cnf does: an old version is to
	 * be seen and reported, not to fail. */
	if (!dialer->context ||
	    SSL_CTX_set_cipher_list(dialer->context, "DEFAULT@SECLEVEL=0") !=
	        1 ||
	    SSL_CTX_set_min_proto_version(dialer->context, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(dialer->context, 0) != 1) {
		dialer_free(&dialer);
		return MTS_ELIB;
	}
	SSL_CTX_set_verify(dialer->context, SSL_VERIFY_NONE, NULL);
	*ret = dialer;
	return MTS_OK;
}

void dialer_free(struct dialer **dialer)
{
	if (!*dialer)
		return;
	SSL_CTX_free((*dialer)->context);
	free(*dialer);
	*dialer = NULL;
}
