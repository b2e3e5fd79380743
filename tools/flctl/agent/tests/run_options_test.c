// SPDX-License-Identifier: GPL-2.0
/* Command line and environment of `flctl run`. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flannel.h"
#include "run_options.h"

#define WORDS	16

static struct run_options o;
static struct error error;

/* Words and variables separated by '|'. */
static void split(char *text, char **word)
{
	int count = 0;
	char *save;

	for (text = strtok_r(text, "|", &save); text; text = strtok_r(NULL, "|", &save)) {
		assert_true(count < WORDS - 1);
		word[count++] = text;
	}
	word[count] = NULL;
}

static enum run_order parse(const char *line, const char *environment)
{
	static char words[1024], vars[1024];
	char *argv[WORDS], *env[WORDS];
	int argc = 0;

	snprintf(words, sizeof(words), "%s", line);
	snprintf(vars, sizeof(vars), "%s", environment);
	split(words, argv);
	split(vars, env);
	while (argv[argc])
		argc++;
	memset(&error, 0, sizeof(error));
	run_options_free(&o);
	return run_options_parse(&o, argc, argv, env, &error);
}

static void good(const char *line, const char *environment)
{
	if (parse(line, environment) != RUN_AGENT)
		fail_msg("%s, %s: %s", line, environment, error.text);
}

static void wrong(const char *line, const char *environment, const char *text)
{
	assert_int_equal(parse(line, environment), RUN_WRONG);
	assert_string_equal(error.text, text);
}

static void defaults(void **state)
{
	(void)state;
	good("", "PATH=/bin|HOME=/");
	assert_string_equal(o.etcd.endpoints, "http://127.0.0.1:4001,http://127.0.0.1:2379");
	assert_string_equal(o.etcd.prefix, "/coreos.com/network");
	assert_string_equal(o.etcd.keyfile, "");
	assert_string_equal(o.etcd.certfile, "");
	assert_string_equal(o.etcd.cafile, "");
	assert_string_equal(o.etcd.username, "");
	assert_string_equal(o.etcd.password, "");
	assert_string_equal(o.etcd.net_config_path, "");
	assert_int_equal(o.etcd.renew_margin, 60);
	assert_string_equal(o.file.path, "");
	assert_string_equal(o.file.net_config_path, "");
	assert_null(o.iface.iface[0]);
	assert_null(o.iface.regex[0]);
	assert_string_equal(o.iface.can_reach, "");
	assert_string_equal(o.iface.public_ip, "");
	assert_string_equal(o.iface.public_ip6, "");
	assert_string_equal(o.plan.subnet_file, "/run/flannel/subnet.env");
	assert_false(o.plan.ip_masq);
	assert_true(o.plan.random_fully);
	assert_true(o.plan.forward_rules);
	assert_false(o.plan.blackhole_route);
	assert_false(o.plan.untrack);
	assert_true(o.plan.ip_forward);
	assert_int_equal(o.plan.srccheck, FLANNEL_SRCCHECK_LEASE);
	assert_string_equal(o.plan.instance, "default");
	assert_int_equal(o.resync, 5);
	assert_int_equal(o.healthz_ip.family, AF_INET);
	assert_int_equal(o.healthz_port, 0);
	assert_false(o.once || o.dry_run || o.log_json || o.takeover_only);
	assert_true(o.takeover);
	assert_int_equal(o.level, LEVEL_INFO);
	assert_string_equal(o.notice, "");
}

static void forms(void **state)
{
	(void)state;
	good("-ip-masq|--etcd-prefix=/a=b|-etcd-username|u|--etcd-password=p|-iface=eth0|--iface|eth1",
	     "");
	assert_true(o.plan.ip_masq);
	assert_string_equal(o.etcd.prefix, "/a=b");
	assert_string_equal(o.etcd.username, "u");
	assert_string_equal(o.etcd.password, "p");
	assert_string_equal(o.iface.iface[0], "eth0");
	assert_string_equal(o.iface.iface[1], "eth1");
	assert_null(o.iface.iface[2]);
	good("--ip-masq|--ip-masq=F|--iptables-forward-rules=false|--ip-forward=0|--takeover=false",
	     "");
	assert_false(o.plan.ip_masq);
	assert_false(o.plan.forward_rules);
	assert_false(o.plan.ip_forward);
	assert_false(o.takeover);
	good("--ip-masq-fully-random-disable|--srccheck|strict|-v|4|--untrack|--once|--dry-run", "");
	assert_false(o.plan.random_fully);
	assert_int_equal(o.plan.srccheck, FLANNEL_SRCCHECK_STRICT);
	assert_int_equal(o.level, LEVEL_DEBUG);
	assert_true(o.plan.untrack && o.once && o.dry_run);
	good("--lease-file|/f|--net-config-path=/n|--log-level=warning|--log-json|--healthz-ip=::1|--healthz-port=8081",
	     "");
	assert_string_equal(o.file.path, "/f");
	assert_string_equal(o.file.net_config_path, "/n");
	assert_int_equal(o.level, LEVEL_WARNING);
	assert_int_equal(o.healthz_ip.family, AF_INET6);
	assert_int_equal(o.healthz_port, 8081);
	assert_true(o.log_json);
}

static void environment_counts_less(void **state)
{
	(void)state;
	good("--etcd-prefix=/line|--iface=eth0",
	     "FLANNELD_ETCD_PREFIX=/env|FLANNELD_IFACE=eth1|FLANNELD_IP_MASQ=true|FLANNELD_IP_MASQ_FULLY_RANDOM_DISABLE=1|FLANNELD_PUBLIC_IPV6=2001:db8::1|FLANNELD_IFACE_REGEX=");
	assert_string_equal(o.etcd.prefix, "/line");
	assert_string_equal(o.iface.iface[0], "eth0");
	assert_null(o.iface.iface[1]);
	assert_null(o.iface.regex[0]);
	assert_true(o.plan.ip_masq);
	assert_false(o.plan.random_fully);
	assert_string_equal(o.iface.public_ip6, "2001:db8::1");
	good("", "FLANNELD_V=2|FLANNELD_SERVICE_HOST=10.0.0.1|FLANNELD_ETCD_PASSWOR=secret");
	assert_int_equal(o.level, LEVEL_DEBUG);
	assert_string_equal(o.notice,
			    "no option, ignored: FLANNELD_SERVICE_HOST, FLANNELD_ETCD_PASSWOR");
	wrong("", "FLANNELD_HEALTHZ_PORT=x",
	      "FLANNELD_HEALTHZ_PORT: \"x\" is not a number from 0 to 65535");
	wrong("", "FLANNELD_KUBE_SUBNET_MGR=true",
	      "FLANNELD_KUBE_SUBNET_MGR: the Kubernetes store is not part of this version: use --etcd-endpoints or --lease-file");
}

static void many_notices_are_cut(void **state)
{
	char env[1024] = "";
	int i;

	(void)state;
	for (i = 0; i < 12; i++)
		sprintf(env + strlen(env), "FLANNELD_%060d=1|", i);
	good("", env);
	assert_int_equal(strlen(o.notice), sizeof(o.notice) - 1);
}

static void instances(void **state)
{
	static const char *const expected[][2] = {
		{ "--subnet-file=/run/flannel/subnet.env", "default" },
		{ "--subnet-file=/run/flannel/networks/Blue.env", "blue" },
		{ "--subnet-file=/run/flannel-b/subnet.env", "flannel-b" },
		{ "--subnet-file=/subnet.env", "subnet" },
		{ "--subnet-file=/x/.env", "default" },
		{ "--subnet-file=/x/", "default" },
		{ "--subnet-file=/a.b", "a-b" },
		{ "--subnet-file=/x/1234567890123456789012345678901234567890",
		  "12345678901234567890123456789012" },
		{ "--subnet-file=/x/y.env|--instance=z_1-b", "z_1-b" },
		{ "--etcd-prefix=/other", "default" },
	};
	char path[RUN_PATH];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		good(expected[i][0], "");
		assert_string_equal(o.instance, expected[i][1]);
		assert_ptr_equal(o.plan.instance, o.instance);
	}
	good("--run-dir=/r|--instance=x", "");
	assert_string_equal(run_options_path(&o, ".sock", path), "/r/x.sock");
	good("--run-dir=/23456789012345678901234567890123456789012345678901234567890123|--instance=12345678901234567890123456789012",
	     "");
	run_options_path(&o, ".sock", path);
	assert_string_equal(path + strlen(path) - 5, ".sock");
}

static void refused(void **state)
{
	(void)state;
	good("--kube-subnet-mgr=false|--kube-api-url=|--set-node-network-unavailable=false", "");
	wrong("--kube-subnet-mgr", "",
	      "--kube-subnet-mgr: the Kubernetes store is not part of this version: use --etcd-endpoints or --lease-file");
	wrong("--networks=a,b", "",
	      "--networks: one agent serves one network: start one for each, with its own --subnet-file and --etcd-prefix");
	wrong("-remote|1.2.3.4:80", "",
	      "--remote: there is no client and server mode: give every node --etcd-endpoints");
	wrong("--vmodule=x=1", "",
	      "--vmodule: lines have a level, not a place in the source: use --log-level");
	wrong("--auto-detect-ipv4", "",
	      "--auto-detect-ipv4: say which interface with --iface, --iface-regex or --iface-can-reach");
}

static void wrong_words(void **state)
{
	static const char *const no_option[] = { "--ip-masq|false", "false", "--", "--", "-", "-" };
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(no_option); i += 2) {
		sprintf(text, "\"%s\" is no option; the value of a switch stands behind =, as in --ip-masq=false",
			no_option[i + 1]);
		wrong(no_option[i], "", text);
	}
	wrong("--etcd-pasword=secret", "",
	      "unknown option \"--etcd-pasword\": flctl run --help lists all");
	wrong("--ip", "", "unknown option \"--ip\": flctl run --help lists all");
	wrong("--iface", "", "--iface needs a value: --iface=TEXT");
	wrong("--iface|--ip-masq", "", "--iface needs a value: --iface=TEXT");
}

static void wrong_values(void **state)
{
	(void)state;
	wrong("--ip-masq=maybe", "", "--ip-masq: \"maybe\" is neither true nor false");
	wrong("--subnet-lease-renew-margin=1440", "",
	      "--subnet-lease-renew-margin: \"1440\" is not a number from 1 to 1439");
	wrong("--iptables-resync=0", "",
	      "--iptables-resync: \"0\" is not a number from 1 to 86400");
	wrong("--public-ip=2001:db8::1", "",
	      "--public-ip: \"2001:db8::1\" is not an IPv4 address");
	wrong("--public-ipv6=192.0.2.1", "",
	      "--public-ipv6: \"192.0.2.1\" is not an IPv6 address");
	wrong("--iface-can-reach=example.org", "",
	      "--iface-can-reach: \"example.org\" is not an IPv4 or IPv6 address");
	wrong("--srccheck=on", "", "--srccheck: \"on\" is none of off, lease and strict");
	wrong("--log-level=trace", "",
	      "--log-level: \"trace\" is none of error, warning, info and debug");
	wrong("--instance=Blue", "",
	      "--instance: \"Blue\" is not 1 to 32 of a-z, 0-9, _ and -");
	wrong("--instance=123456789012345678901234567890123", "",
	      "--instance: \"123456789012345678901234567890123\" is not 1 to 32 of a-z, 0-9, _ and -");
	wrong("--subnet-file=subnet.env", "",
	      "--subnet-file: \"subnet.env\" is not an absolute path of at most 4095 bytes");
	wrong("--run-dir=/234567890123456789012345678901234567890123456789012345678901234", "",
	      "--run-dir: \"/234567890123456789012345678901234567890123456789012345678901234\" is not an absolute path of at most 63 bytes");
}

static void conflicts(void **state)
{
	(void)state;
	wrong("--lease-file=/f|--etcd-prefix=/p", "",
	      "--lease-file and --etcd-prefix: leases come from a file or from etcd, not from both");
	wrong("--lease-file=/f", "FLANNELD_ETCD_ENDPOINTS=http://a:1",
	      "--lease-file and FLANNELD_ETCD_ENDPOINTS: leases come from a file or from etcd, not from both");
	wrong("--etcd-keyfile=/k", "", "--etcd-keyfile needs --etcd-certfile as well");
	wrong("--etcd-certfile=/k", "", "--etcd-certfile needs --etcd-keyfile as well");
	wrong("", "FLANNELD_ETCD_PASSWORD=x",
	      "FLANNELD_ETCD_PASSWORD needs --etcd-username as well");
	wrong("-v=1|--log-level=info", "",
	      "--log-level and --v both say how much to log: give one");
	good("--etcd-cafile=/ca|--lease-file=", "");
}

static void orders(void **state)
{
	(void)state;
	assert_int_equal(parse("--ip-masq|-h", ""), RUN_HELP);
	assert_int_equal(parse("--help", ""), RUN_HELP);
	assert_int_equal(parse("-version", ""), RUN_VERSION);
}

/* Every option that help names is one. */
static void help_is_true(void **state)
{
	char line[512], word[128], *text;
	size_t size, options = 0;
	FILE *file;

	(void)state;
	file = open_memstream(&text, &size);
	run_options_help(file, "run");
	fclose(file);
	file = fmemopen(text, size, "r");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " --%63[^ ,\n]", word + 2) != 1 || !strcmp(word + 2, "help"))
			continue;
		memcpy(word, "--", 2);
		options++;
		if (parse(word, "") == RUN_WRONG && strstr(error.text, "unknown option"))
			fail_msg("%s: %s", word, error.text);
	}
	fclose(file);
	assert_non_null(strstr(text, "(default /run/flannel/subnet.env)"));
	assert_null(strstr(text, "(default false)"));
	free(text);
	assert_in_range(options, 50, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(forms),
		cmocka_unit_test(environment_counts_less),
		cmocka_unit_test(many_notices_are_cut),
		cmocka_unit_test(instances),
		cmocka_unit_test(refused),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(conflicts),
		cmocka_unit_test(orders),
		cmocka_unit_test(help_is_true),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	run_options_free(&o);
	return failed;
}
