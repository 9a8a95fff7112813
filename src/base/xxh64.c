/* SPDX-License-Identifier: BSD-2-Clause */
/* xxh64.c - a fast checksum (Collet: "xxHash fast digest algorithm"). */
#include "base/xxh64.h"

#include "base/bytes.h"

static const uint64_t prime_1 = 0x9e3779b185ebca87u;
static const uint64_t prime_2 = 0xc2b2ae3d27d4eb4fu;
static const uint64_t prime_3 = 0x165667b19e3779f9u;
static const uint64_t prime_4 = 0x85ebca77c2b2ae63u;
static const uint64_t prime_5 = 0x27d4eb2f165667c5u;

static inline uint64_t xxh_rotate(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline uint64_t sum_round(uint64_t acc, uint64_t input)
{
	return xxh_rotate(acc + input * prime_2, 31) * prime_1;
}

/* Takes as many stripes of 32 bytes as there are; moves *DATA on. */
static uint64_t sum_stripes(const unsigned char **data, size_t len)
{
	uint64_t acc[4] = { prime_1 + prime_2, prime_2, 0, 0 - prime_1 };
	const unsigned char *p = *data;
	uint64_t sum;

	for (; len >= 32; len -= 32, p += 32) {
		acc[0] = sum_round(acc[0], bytes_get_64(p));
		acc[1] = sum_round(acc[1], bytes_get_64(p + 8));
		acc[2] = sum_round(acc[2], bytes_get_64(p + 16));
		acc[3] = sum_round(acc[3], bytes_get_64(p + 24));
	}
	sum = xxh_rotate(acc[0], 1) + xxh_rotate(acc[1], 7) +
	      xxh_rotate(acc[2], 12) + xxh_rotate(acc[3], 18);
	for (int i = 0; i < 4; i++)
		sum = (sum ^ sum_round(0, acc[i])) * prime_1 + prime_4;
	*data = p;
	return sum;
}

uint64_t xxh64(const void *bytes, size_t len)
{
	const unsigned char *data = bytes;
	const unsigned char *end = data + len;
	uint64_t sum = len < 32 ? prime_5 : sum_stripes(&data, len);

	sum += len;
	for (; end - data >= 8; data += 8)
		sum = xxh_rotate(sum ^ sum_round(0, bytes_get_64(data)), 27) *
		          prime_1 +
		      prime_4;
	if (end - data >= 4) {
		sum = xxh_rotate(sum ^ bytes_get_32(data) * prime_1, 23) *
		          prime_2 +
		      prime_3;
		data += 4;
	}
	for (; data < end; data++)
		sum = xxh_rotate(sum ^ *data * prime_5, 11) * prime_1;
	sum = (sum ^ (sum >> 33)) * prime_2;
	sum = (sum ^ (sum >> 29)) * prime_3;
	return sum ^ (sum >> 32);
}
