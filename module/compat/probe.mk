# SPDX-License-Identifier: GPL-2.0
# Finds out what the kernel's headers offer.  Version numbers do not tell:
# distributions carry newer interfaces in older kernels, so the headers are
# asked, one line for each difference.

flannel-have = $(shell grep -qsF '$(2)' $(srctree)/include/$(1) && echo -DFLANNEL_HAVE_$(3))

flannel-probes := \
	$(call flannel-have,linux/netdevice.h,lltx:1,LLTX_BIT) \
	$(call flannel-have,net/genetlink.h,genl_info_dump,GENL_INFO_DUMP) \
	$(call flannel-have,net/udp_tunnel.h,u32 info,ENCAP_ERR_INFO) \
	$(call flannel-have,linux/netdevice.h,dev_xmit_recursion_inc,XMIT_RECURSION) \
	$(call flannel-have,uapi/linux/snmp.h,IPSTATS_MIB_OUTREQUESTS,OUTREQUESTS) \
	$(call flannel-have,net/gso.h,skb_gso_validate_network_len,GSO_H) \
	$(call flannel-have,net/hotdata.h,max_backlog,HOTDATA) \
	$(call flannel-have,linux/netlink.h,char _msg_buf[,EXTACK_BUFFER) \
	$(call flannel-have,net/dropreason-core.h,SKB_DROP_REASON_VXLAN_INVALID_HDR,DROP_VXLAN) \
	$(call flannel-have,net/dropreason-core.h,SKB_DROP_REASON_IP_TUNNEL_ECN,DROP_ECN)
