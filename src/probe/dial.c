/* SPDX-License-Identifier: BSD-2-Clause */
/* dial.c - calls one address as a sender does, as far as the TLS hand-shake.
 *
 * libcurl would do for the dialogue, but it verifies as a sender does, stops at
 * the first fault, and waits for the answer to QUIT when a connection is given
 * up. So OpenSSL is used by itself, over memory: what comes in is put into one
 * BIO, what is to go out taken from the other. Whatever a server sends, no more
 * than DIAL_INPUT_MAX bytes are read, for no longer than the time-out. */
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
	DIAL_INPUT_MAX = 256 * 1024, /* certificate chains are 5 KiB or so */
	DIAL_READ = 16 * 1024,
};

struct dialer {
	const struct probe_options *options;
	SSL_CTX *context;
};

enum dial_state {
	DIAL_CONNECT, /* leaves by on_connect */
	DIAL_BANNER,  /* the server speaks first; leaves by on_reply */
	DIAL_EHLO,    /* EHLO is out; leaves by on_reply */
	DIAL_STARTTLS,
	DIAL_TLS,  /* the hand-shake; leaves by on_tls */
	DIAL_DONE, /* the callback is to come, or has; or it is cancelled */
};

struct dial {
	struct dialer *dialer;
	enum dial_state state;
	uv_tcp_t tcp;
	uv_timer_t timer;
	unsigned open; /* handles that are not yet closed */
	uv_connect_t connect;
	char host[DOMAIN_MAX + 1];
	bool smtp;
	size_t input; /* bytes so far */
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

static void on_closed(uv_handle_t *handle)
{
	struct dial *dial = handle->data;

	if (--dial->open > 0)
		return;
	SSL_free(dial->ssl);
	buffer_free(&dial->in);
	tls_view_free(&dial->result.view);
	free(dial);
}

static void close_all(struct dial *dial)
{
	dial->state = DIAL_DONE;
	dial->callback = NULL;
	if (!uv_is_closing((uv_handle_t *)&dial->tcp))
		uv_close((uv_handle_t *)&dial->tcp, on_closed);
	if (!uv_is_closing((uv_handle_t *)&dial->timer))
		uv_close((uv_handle_t *)&dial->timer, on_closed);
}

static void end(struct dial *dial, enum reach reach, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The callback is called from the loop, from inside of nothing else that the
 * caller knows of. */
static void end(struct dial *dial, enum reach reach, const char *format, ...)
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
	close_all(dial);
	callback(dial->arg, &dial->result);
}

void dial_cancel(struct dial **dial)
{
	if (!*dial)
		return;
	close_all(*dial);
	*dial = NULL;
}

static const char *state_words(const struct dial *dial)
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
		return "no TLS hand-shake";
	case DIAL_DONE:
		break;
	}
	return "nothing";
}

/* It ends here for this reason, wherever it is. */
static void fail(struct dial *dial, const char *why)
{
	end(dial,
	    dial->state == DIAL_TLS        ? REACH_TLS_FAILED
	    : dial->state == DIAL_STARTTLS ? REACH_PLAIN
	                                   : REACH_FAILED,
	    "%s: %s", state_words(dial), why);
}

static void on_timer(uv_timer_t *timer)
{
	fail(timer->data, "the time is over");
}

/* -- writing --------------------------------------------------------------- */

struct write {
	uv_write_t request;
	char data[];
};

static void on_written(uv_write_t *request, int status)
{
	(void)status; /* reading tells as well */
	free(container_of(request, struct write, request));
}

static bool send_bytes(struct dial *dial, const void *data, size_t len)
{
	struct write *write = malloc(sizeof(*write) + len);
	uv_buf_t buf;

	if (!write)
		return false;
	memcpy(write->data, data, len);
	buf = uv_buf_init(write->data, (unsigned)len);
	if (uv_write(&write->request, (uv_stream_t *)&dial->tcp, &buf, 1,
	             on_written) != 0) {
		free(write);
		return false;
	}
	return true;
}

/* A courtesy, if it can be had at once. */
static void say_goodbye(struct dial *dial)
{
	char quit[] = "QUIT\r\n";
	uv_buf_t buf = uv_buf_init(quit, sizeof(quit) - 1);

	(void)uv_try_write((uv_stream_t *)&dial->tcp, &buf, 1);
}

static bool flush_tls(struct dial *dial)
{
	BIO *out = SSL_get_wbio(dial->ssl);
	char *data = NULL;
	long len = BIO_get_mem_data(out, &data);
	bool good = true;

	if (len > 0)
		good = send_bytes(dial, data, (size_t)len);
	(void)BIO_reset(out);
	return good;
}

/* -- TLS ------------------------------------------------------------------- */

static void see(struct dial *dial, enum reach reach, const char *error)
{
	const struct probe_options *options = dial->dialer->options;
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(dial->ssl);
	const char *version =
	    reach == REACH_TLS ? SSL_get_version(dial->ssl) : "";

	if (chain && tls_look(fetcher_ca_store(options->fetcher), dial->host,
	                      chain, version, clock_wall_s(options->clock),
	                      &dial->result.view) != MTS_OK) {
		end(dial, REACH_NOT_TRIED, "out of memory");
		return;
	}
	if (reach == REACH_TLS && !chain)
		end(dial, REACH_TLS_FAILED, "the server sent no certificate");
	else
		end(dial, reach, "%s", error);
}

static void fail_tls(struct dial *dial)
{
	unsigned long code = ERR_peek_last_error();
	const char *words = code ? ERR_reason_error_string(code) : NULL;
	char text[120];

	snprintf(text, sizeof(text), "TLS hand-shake failed: %s",
	         words ? words : "nonsense was received");
	ERR_clear_error();
	see(dial, REACH_TLS_FAILED, text);
}

static void shake_hands(struct dial *dial)
{
	int rc;
	int error;

	ERR_clear_error();
	rc = SSL_do_handshake(dial->ssl);
	error = SSL_get_error(dial->ssl, rc);
	if (!flush_tls(dial)) {
		end(dial, REACH_NOT_TRIED, "out of memory");
	} else if (rc == 1) {
		if (dial->smtp && SSL_write(dial->ssl, "QUIT\r\n", 6) == 6)
			(void)flush_tls(dial);
		see(dial, REACH_TLS, "");
	} else if (error != SSL_ERROR_WANT_READ &&
	           error != SSL_ERROR_WANT_WRITE) {
		fail_tls(dial);
	}
}

static void begin_tls(struct dial *dial)
{
	BIO *in = BIO_new(BIO_s_mem());
	BIO *out = BIO_new(BIO_s_mem());

	dial->state = DIAL_TLS;
	dial->ssl = SSL_new(dial->dialer->context);
	if (!in || !out || !dial->ssl) {
		BIO_free(in);
		BIO_free(out);
		end(dial, REACH_NOT_TRIED, "out of memory");
		return;
	}
	SSL_set_bio(dial->ssl, in, out);
	SSL_set_connect_state(dial->ssl);
	if (SSL_set_tlsext_host_name(dial->ssl, dial->host) != 1)
		end(dial, REACH_NOT_TRIED, "out of memory");
	else
		shake_hands(dial);
}

static void take_tls(struct dial *dial, struct slice data)
{
	if (BIO_write(SSL_get_rbio(dial->ssl), data.data, (int)data.len) !=
	    (int)data.len)
		end(dial, REACH_NOT_TRIED, "out of memory");
	else
		shake_hands(dial);
}

/* -- SMTP ------------------------------------------------------------------ */

static void ask(struct dial *dial, enum dial_state state, const char *verb,
                const char *word)
{
	char line[DOMAIN_MAX + 16];
	int len = snprintf(line, sizeof(line), "%s%s%s\r\n", verb,
	                   *word ? " " : "", word);

	dial->state = state;
	if (len < 0 || (size_t)len >= sizeof(line) ||
	    !send_bytes(dial, line, (size_t)len))
		end(dial, REACH_NOT_TRIED, "out of memory");
}

/* RFC 5321 3.2, 4.2.2: a server so old goes on with HELO, and has no
 * extensions. */
static bool knows_no_ehlo(const struct dial *dial,
                          const struct smtp_reply *reply)
{
	return dial->state == DIAL_EHLO &&
	       (reply->code == 500 || reply->code == 502);
}

static void on_reply(struct dial *dial, const struct smtp_reply *reply)
{
	bool good = reply->code >= 200 && reply->code < 300;

	if (!good)
		say_goodbye(dial);
	if (dial->state == DIAL_STARTTLS && good)
		begin_tls(dial);
	else if (dial->state == DIAL_STARTTLS)
		end(dial, REACH_PLAIN, "STARTTLS is offered, and refused: %s",
		    reply->text);
	else if (knows_no_ehlo(dial, reply))
		end(dial, REACH_PLAIN, "it knows no EHLO: %s", reply->text);
	else if (!good)
		end(dial, REACH_FAILED, "the server says: %s", reply->text);
	else if (dial->state == DIAL_BANNER)
		ask(dial, DIAL_EHLO, "EHLO", dial->dialer->options->ehlo);
	else if (reply->starttls)
		ask(dial, DIAL_STARTTLS, "STARTTLS", "");
	else {
		say_goodbye(dial);
		end(dial, REACH_PLAIN, "%s", "");
	}
}

static void take_smtp(struct dial *dial, struct slice data)
{
	size_t used;
	int status = MTS_OK;

	if (buffer_put_slice(&dial->in, data) != MTS_OK) {
		end(dial, REACH_NOT_TRIED, "out of memory");
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
		on_reply(dial, &whole);
	}
	if (status == MTS_ESYNTAX)
		end(dial, REACH_FAILED, "what answers there is no SMTP");
}

/* -- the connection -------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct dial *dial = handle->data;

	(void)size;
	*buf = uv_buf_init(dial->read, sizeof(dial->read));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct dial *dial = stream->data;
	struct slice data;

	if (len == 0 || dial->state == DIAL_DONE)
		return;
	if (len < 0) {
		fail(dial, len == UV_EOF ? "the server closed the connection"
		                         : uv_strerror((int)len));
		return;
	}
	data = slice_of(buf->base, (size_t)len);
	dial->input += data.len;
	if (dial->input > DIAL_INPUT_MAX)
		fail(dial, "the server sends without end");
	else if (dial->state == DIAL_TLS)
		take_tls(dial, data);
	else
		take_smtp(dial, data);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct dial *dial = connect->data;

	if (status == UV_ECANCELED || dial->state == DIAL_DONE)
		return;
	if (status == 0)
		status =
		    uv_read_start((uv_stream_t *)&dial->tcp, on_alloc, on_read);
	if (status != 0) {
		fail(dial, uv_strerror(status));
		return;
	}
	if (dial->smtp)
		dial->state = DIAL_BANNER;
	else
		begin_tls(dial);
}

/* What fails at once is told by the timer, as nothing may be told from inside of
 * dial_start(). */
static void on_no_start(uv_timer_t *timer)
{
	struct dial *dial = timer->data;

	fail(dial,
	     dial->result.error[0] ? dial->result.error : "it can't be begun");
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
	                    on_connect);
	if (rc != 0)
		snprintf(dial->result.error, sizeof(dial->result.error), "%s",
		         uv_strerror(rc));
	uv_timer_start(&dial->timer, rc ? on_no_start : on_timer,
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
	/* Whatever the system's openssl.cnf allows: what is old is to be seen,
	 * not to fail. */
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
