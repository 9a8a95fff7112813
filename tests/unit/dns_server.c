/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_server.c - a DNS server that answers as a test tells it to. */
#include "tests.h"

#include "dns_server.h"

#include <arpa/inet.h>
#include <ctype.h>

struct dns_server {
	uv_loop_t *loop;
	uv_udp_t udp;
	uv_tcp_t tcp;
	char text[64];
	dns_script *script;
	void *arg;
	unsigned udp_count, tcp_count;
	int open; /* handles */
	const struct sockaddr *client;
	struct dns_message message;
	char buffer[DNS_MESSAGE];
};

struct client {
	uv_tcp_t tcp;
	struct dns_server *server;
	uint8_t in[2048];
	size_t len;
};

/* -- messages -------------------------------------------------------------- */

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static size_t put_name(uint8_t *at, const char *name)
{
	size_t used = 0;

	if (strcmp(name, ".") == 0) /* the root */
		name = "";
	while (*name) {
		size_t n = strcspn(name, ".");

		at[used++] = (uint8_t)n;
		memcpy(at + used, name, n);
		used += n;
		name += n + (name[n] == '.');
	}
	at[used++] = 0;
	return used;
}

void dns_set_rcode(struct dns_message *message, unsigned rcode)
{
	message->bytes[3] = (uint8_t)((message->bytes[3] & 0xf0) | rcode);
}

void dns_set_flags(struct dns_message *message, uint16_t flags)
{
	put16(message->bytes + 2, flags | (message->bytes[3] & 0x0fu));
}

static size_t put_txt(uint8_t *at, const char *data)
{
	size_t used = 0;

	for (;;) {
		size_t n = strcspn(data, "|");
		size_t len = 0;

		for (size_t i = 0; i < n; i++)
			if (data[i] != '^')
				at[used + 1 + len++] =
				    data[i] == '~' ? 0 : (uint8_t)data[i];
		at[used] = (uint8_t)len;
		used += 1 + len;
		if (!data[n])
			return used;
		data += n + 1;
	}
}

static size_t put_rdata(uint8_t *at, const char *type, const char *data,
                        unsigned *ret_type)
{
	size_t used = 0;

	if (strcmp(type, "A") == 0) {
		*ret_type = 1;
		assert_int_equal(inet_pton(AF_INET, data, at), 1);
		return 4;
	}
	if (strcmp(type, "AAAA") == 0) {
		*ret_type = 28;
		assert_int_equal(inet_pton(AF_INET6, data, at), 1);
		return 16;
	}
	if (strcmp(type, "CNAME") == 0) {
		*ret_type = 5;
		return put_name(at, data);
	}
	if (strcmp(type, "NS") == 0) {
		*ret_type = 2;
		return put_name(at, data);
	}
	if (strcmp(type, "MX") == 0) {
		char *name = strchr(data, ' ');

		*ret_type = 15;
		put16(at, name ? (uint16_t)strtoul(data, NULL, 10) : 10);
		return 2 + put_name(at + 2, name ? name + 1 : data);
	}
	if (strcmp(type, "TXT") == 0) {
		*ret_type = 16;
		return put_txt(at, data);
	}
	if (strcmp(type, "BADTXT") == 0) { /* a string beyond its record */
		*ret_type = 16;
		memcpy(at, "\x20short", 6);
		return 6;
	}
	if (strcmp(type, "BADA") == 0) {
		*ret_type = 1;
		memcpy(at, "\x7f\x00", 2);
		return 2;
	}
	assert_string_equal(type, "SOA");
	*ret_type = 6;
	used = put_name(at, "ns.example");
	used += put_name(at + used, "root.example");
	memset(at + used, 0, 20);
	put16(at + used + 16, (unsigned)(strtoul(data, NULL, 10) >> 16));
	put16(at + used + 18, (unsigned)(strtoul(data, NULL, 10) & 0xffff));
	return used + 20;
}

static void add_line(struct dns_message *message, enum dns_section section,
                     const char *line)
{
	char name[256], type[16], data[1024] = "";
	unsigned long ttl;
	unsigned number;
	uint8_t *at = message->bytes + message->len;
	size_t used, len;
	int scanned =
	    sscanf(line, "%255s %lu %15s %1023[^\n]", name, &ttl, type, data);

	assert_true(scanned >= 3);
	used = put_name(at, strcmp(name, ".") == 0 ? "" : name);
	len = put_rdata(at + used + 10, type, data, &number);
	put16(at + used, number);
	put16(at + used + 2, 1);
	put16(at + used + 4, (unsigned)(ttl >> 16));
	put16(at + used + 6, (unsigned)(ttl & 0xffff));
	put16(at + used + 8, (unsigned)len);
	message->len += used + 10 + len;
	put16(message->bytes + section, get16(message->bytes + section) + 1);
}

void dns_add(struct dns_message *message, enum dns_section section,
             const char *lines)
{
	while (lines && *lines) {
		add_line(message, section, lines);
		lines += strcspn(lines, "\n");
		lines += *lines == '\n';
	}
}

/* Reads the question, and makes the message a reply without records. */
static void begin(struct dns_server *server, const uint8_t *query, size_t len,
                  bool tcp)
{
	struct dns_message *m = &server->message;
	size_t at = 12;
	size_t used = 0;

	memset(m, 0, offsetof(struct dns_message, bytes));
	assert_true(len >= 17);
	while (query[at]) {
		size_t n = query[at++];

		if (used)
			m->name[used++] = '.';
		for (size_t i = 0; i < n; i++)
			m->name[used++] = (char)tolower(query[at]), at++;
	}
	m->type = (uint16_t)get16(query + at + 1);
	at += 5;
	m->edns = get16(query + 10) > 0;
	if (m->edns) {
		m->payload = (uint16_t)get16(query + at + 3);
		m->dnssec = query[at + 7] & 0x80;
	}
	m->tcp = tcp;
	m->nth = server->udp_count + server->tcp_count;
	memcpy(m->bytes, query, at);
	m->len = at;
	put16(m->bytes + 2, DNS_QR | DNS_RD | DNS_RA);
	put16(m->bytes + 6, 0);
	put16(m->bytes + 8, 0);
	put16(m->bytes + 10, 0);
}

/* -- UDP ------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct dns_server *server = handle->data;

	(void)size;
	*buf = uv_buf_init(server->buffer, sizeof(server->buffer));
}

static void on_udp(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf,
                   const struct sockaddr *from, unsigned flags)
{
	struct dns_server *server = udp->data;
	uv_buf_t out;

	(void)flags;
	if (n <= 0 || !from)
		return;
	begin(server, (const uint8_t *)buf->base, (size_t)n, false);
	server->client = from;
	server->message.port =
	    ntohs(((const struct sockaddr_in *)from)->sin_port);
	server->script(server->arg, &server->message);
	server->udp_count++;
	server->client = NULL;
	if (server->message.silent)
		return;
	out = uv_buf_init((char *)server->message.bytes,
	                  (unsigned)server->message.len);
	(void)uv_udp_try_send(udp, &out, 1, from);
}

void dns_server_send(struct dns_server *server,
                     const struct dns_message *message)
{
	uv_buf_t out =
	    uv_buf_init((char *)message->bytes, (unsigned)message->len);

	assert_int_equal(uv_udp_try_send(&server->udp, &out, 1, server->client),
	                 message->len);
}

void dns_server_spoof(struct dns_server *server,
                      const struct dns_message *message)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, message->bytes, message->len, 0,
	                        server->client, sizeof(struct sockaddr_in)),
	                 message->len);
	close(fd);
}

/* -- TCP ------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_client_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct client *client = handle->data;

	(void)size;
	*buf = uv_buf_init((char *)client->in + client->len,
	                   (unsigned)(sizeof(client->in) - client->len));
}

static void on_client(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	struct dns_server *server = client->server;
	uint8_t size[2];
	uv_buf_t out[2];

	(void)buf;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_client_closed);
		return;
	}
	client->len += (size_t)n;
	if (client->len < 2 || client->len < 2 + get16(client->in))
		return;
	begin(server, client->in + 2, client->len - 2, true);
	client->len = 0;
	server->script(server->arg, &server->message);
	server->tcp_count++;
	if (server->message.silent)
		return;
	put16(size, (unsigned)server->message.len);
	out[0] = uv_buf_init((char *)size, 2);
	out[1] = uv_buf_init((char *)server->message.bytes,
	                     (unsigned)server->message.len);
	assert_int_equal(uv_try_write(stream, out, 2), 2 + server->message.len);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct client *client = calloc(1, sizeof(*client));

	assert_int_equal(status, 0);
	assert_non_null(client);
	client->server = listener->data;
	uv_tcp_init(client->server->loop, &client->tcp);
	client->tcp.data = client;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&client->tcp), 0);
	uv_unref((uv_handle_t *)&client->tcp);
	uv_read_start((uv_stream_t *)&client->tcp, on_client_alloc, on_client);
}

/* -- the server ------------------------------------------------------------ */

struct dns_server *dns_server_start(uv_loop_t *loop, const char *address,
                                    uint16_t port, dns_script *script,
                                    void *arg)
{
	struct dns_server *server = calloc(1, sizeof(*server));
	static uint16_t next_port = 10000; /* below the ephemeral ones */
	struct sockaddr_in bound;

	assert_non_null(server);
	port = port ? port : next_port++;
	server->loop = loop;
	server->script = script;
	server->arg = arg;
	uv_udp_init(loop, &server->udp);
	uv_tcp_init(loop, &server->tcp);
	server->udp.data = server;
	server->tcp.data = server;
	uv_ip4_addr(address, port, &bound);
	assert_int_equal(
	    uv_udp_bind(&server->udp, (struct sockaddr *)&bound, 0), 0);
	assert_int_equal(
	    uv_tcp_bind(&server->tcp, (struct sockaddr *)&bound, 0), 0);
	snprintf(server->text, sizeof(server->text), "%s:%u", address,
	         (unsigned)port);
	uv_udp_recv_start(&server->udp, on_alloc, on_udp);
	assert_int_equal(
	    uv_listen((uv_stream_t *)&server->tcp, 64, on_connection), 0);
	uv_unref((uv_handle_t *)&server->udp);
	uv_unref((uv_handle_t *)&server->tcp);
	server->open = 2;
	return server;
}

static void on_closed(uv_handle_t *handle)
{
	struct dns_server *server = handle->data;

	if (--server->open == 0)
		free(server);
}

static void close_client(uv_handle_t *handle, void *arg)
{
	struct client *client = handle->data;

	if (handle->type == UV_TCP && handle != arg && !uv_is_closing(handle) &&
	    client && client->server == ((uv_handle_t *)arg)->data)
		uv_close(handle, on_client_closed);
}

void dns_server_stop(struct dns_server *server)
{
	uv_close((uv_handle_t *)&server->udp, on_closed);
	uv_close((uv_handle_t *)&server->tcp, on_closed);
	uv_walk(server->loop, close_client, &server->tcp);
}

const char *dns_server_text(const struct dns_server *server)
{
	return server->text;
}

unsigned dns_server_udp_count(const struct dns_server *server)
{
	return server->udp_count;
}

unsigned dns_server_tcp_count(const struct dns_server *server)
{
	return server->tcp_count;
}
