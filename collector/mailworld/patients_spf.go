package mailworld

import (
	"fmt"
	"strings"
)

// spfPatients have an SPF record that does not do what it is there for.
var spfPatients = []patient{
	{"no-spf", "There is no SPF record.", "spf_missing", onDomain, func(_ *World, h *home) {
		h.spf = nil
	}},
	{"two-spf", "There are two SPF records, which is as bad as a broken one.", "spf_multiple", onDomain, func(w *World, h *home) {
		h.moveOut(w)
		h.spf = []string{fmt.Sprintf("v=spf1 mx ip4:%s -all", h.sender.addr), "v=spf1 a -all"}
	}},
	{"gone-provider", "The SPF record includes that of a provider who has gone.", "spf_invalid", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s include:_spf.gone.example -all", h.sender.addr)
	}},
	{"many-lookups", "The SPF record asks DNS for more than it may.", "spf_too_many_lookups", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s%s -all", h.sender.addr, strings.Repeat(" a:"+healthyMX, 11))
	}},
	{"retired-host", "The SPF record names a host that is gone.", "spf_void_lookups", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s a:old.%s -all", h.sender.addr, h.domain)
	}},
	{"everybody", "The SPF record lets everybody send.", "spf_pass_all", onDomain, func(_ *World, h *home) {
		h.spf[0] = "v=spf1 +all"
	}},
	{"indifferent", "The SPF record says nothing about other senders.", "spf_neutral_all", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s ?all", h.sender.addr)
	}},
	{"half-hearted", "The SPF record does not forbid other senders outright.", "spf_softall", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s ~all", h.sender.addr)
		h.dmarc, h.bimi = []string{"v=DMARC1; p=none; rua=mailto:dmarc@" + h.domain}, declined
		h.shows("dmarc_policy_none", h.domain)
	}},
	{"no-end", "The SPF record ends without all.", "spf_no_all", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s", h.sender.addr)
	}},
	{"by-name", "The SPF record lets send who has a name in the domain.", "spf_ptr", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s ptr -all", h.sender.addr)
	}},
	{"long-spf", "The SPF record is too long for one packet.", "spf_long", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s%s -all", h.sender.addr, strings.Repeat(" ip4:198.51.100.0/24", 24))
	}},
	{"forgotten-sender", "The SPF record does not name the machine that sends.", "spf_not_authorised", onDomain, func(_ *World, h *home) {
		h.spf[0] = "v=spf1 mx -all"
	}},
	{"parked-spf", "The domain is parked and its SPF record lets a machine send.", "spf_parked", onDomain, func(w *World, h *home) {
		spf := h.spf
		park(w, h)
		h.spf = spf
	}},
}
