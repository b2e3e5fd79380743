# SPDX-License-Identifier: GPL-2.0
#
# Builds, shows, checks and installs; `make help` says how. The kernel's build
# and DKMS read Kbuild, not this file.

# dkms and others name the kernel by KERNELRELEASE
KVER ?= $(or $(KERNELRELEASE),$(shell uname -r))
KDIR ?= /lib/modules/$(KVER)/build
PREFIX ?= /usr/local
DESTDIR ?=

all: module tool

help:
	@echo 'make            the module for kernel $(KVER), flctl, the plugin for ip'
	@echo 'make module     flannel.ko alone        KVER=... for another kernel, or KDIR=...'
	@echo 'make tool       flctl and the plugin alone'
	@echo 'make agent      what flctl run executes'
	@echo 'make demo       three nodes in a virtual machine    DEMO_KERNEL=6.12 or 6.1'
	@echo 'make check      all tests               PARTS="static unit ..." for some,'
	@echo '                                        selftests/check -h lists them'
	@echo 'make bench      the data path against vxlan and host-gw, into docs/bench/'
	@echo 'sudo make install      through DKMS, and flctl with manual and completion;'
	@echo '                       PREFIX=$(PREFIX); PLUGIN=1 also teaches ip our options,'
	@echo '                       AGENT=1 installs the agent'
	@echo 'sudo make uninstall    all of that away'
	@echo 'make clean'

module: headers
	+$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# Says which package is missing, before the kernel's build says something else
headers:
	@scripts/install headers $(KVER) $(KDIR)

tool:
	@scripts/deps tool
	+$(MAKE) -C tools/flctl
	+$(MAKE) -C tools/iproute2

agent:
	@scripts/deps agent
	+$(MAKE) -C tools/flctl/agent

demo:
	@selftests/demo

check:
	@selftests/check $(PARTS)

bench:
	@scripts/deps uml vm build bench
	@selftests/bench/run

install uninstall:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' KVER='$(KVER)' PLUGIN='$(PLUGIN)' AGENT='$(AGENT)' \
		scripts/install $@

clean:
	rm -rf *.o *.o.d *.ko *.mod *.mod.c .*.cmd Module.symvers modules.order
	find module \( -name '*.o' -o -name '*.o.d' -o -name '.*.cmd' \) -delete
	rm -rf selftests/out selftests/vm/out
	for dir in tools/flctl tools/flctl/agent tools/iproute2 selftests/helpers selftests/unit; do \
		[ ! -f $$dir/Makefile ] || $(MAKE) -s -C $$dir clean; \
	done

.PHONY: all help module headers tool agent demo check bench install uninstall clean
