/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_uv.h - runs libcurl transfers on a libuv loop (libcurl's multi
 * interface). */
#ifndef HTTPS_CURL_UV_H
#define HTTPS_CURL_UV_H

#include "base/status.h"

#include <curl/curl.h>
#include <uv.h>

struct curl_uv;
struct curl_transfer;

/* TRANSFER has ended with RESULT; the caller still has to remove it. Called
 * from the loop only. May remove and free the transfer, and may close the
 * curl_uv. */
typedef void curl_transfer_callback(struct curl_transfer *transfer,
                                    CURLcode result);

/* One request. It lives inside the caller's struct. */
struct curl_transfer {
	CURL *easy; /* the caller's; CURLOPT_PRIVATE is used by curl_uv */
	curl_transfer_callback *callback;
};

/* MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's: curl_uv_close(). */
int curl_uv_new(uv_loop_t *loop, struct curl_uv **ret);

/* All transfers must have been removed. Takes NULL, leaves NULL. The loop must
 * run once more before it is closed. */
void curl_uv_close(struct curl_uv **curl);

/* Starts TRANSFER. MTS_ENOMEM, MTS_ELIB: it was not started. Otherwise its
 * callback comes once, never from inside this call, unless the transfer is
 * removed first. */
int curl_uv_add(struct curl_uv *curl, struct curl_transfer *transfer);

/* Stops TRANSFER if it still runs. Its easy handle can then be freed. */
void curl_uv_remove(struct curl_uv *curl, struct curl_transfer *transfer);

#endif
