// SPDX-License-Identifier: GPL-2.0
#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"

static bool read_addr(const struct sockaddr *sa, struct addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = sa->sa_family;
	if (sa->sa_family == AF_INET)
		memcpy(addr->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(addr->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	else
		return false;
	return true;
}

static size_t resolve(char *host, struct addr *addrs, size_t room)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
	size_t count = 0, len = strlen(host);
	int err;

	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	err = getaddrinfo(host, NULL, &hints, &list);
	if (err) {
		log_warning("cannot resolve %s: %s; if it lies inside Network, a route may hide it",
			    host, gai_strerror(err));
		return 0;
	}
	for (ai = list; ai && count < room; ai = ai->ai_next)
		count += read_addr(ai->ai_addr, &addrs[count]);
	freeaddrinfo(list);
	return count;
}

static size_t addrs_of(const char *text, struct addr *addrs, size_t room)
{
	CURLU *url = curl_url();
	char *host = NULL;
	size_t count = 0;

	if (url && !curl_url_set(url, CURLUPART_URL, text, CURLU_DEFAULT_SCHEME) &&
	    !curl_url_get(url, CURLUPART_HOST, &host, 0))
		count = resolve(host, addrs, room);
	curl_free(host);
	curl_url_cleanup(url);
	return count;
}

size_t endpoint_addrs(const char *urls, struct addr addrs[ENDPOINT_ADDRS])
{
	char *copy = strdup(urls), *rest = copy, *text;
	size_t count = 0;

	while (copy && count < ENDPOINT_ADDRS && (text = strsep(&rest, ",")))
		if (*text)
			count += addrs_of(text, addrs + count, ENDPOINT_ADDRS - count);
	free(copy);
	return count;
}
