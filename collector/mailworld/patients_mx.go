package mailworld

import (
	"fmt"
	"net/netip"
)

// mxPatients have MX records by which mail does not arrive, or not from everybody.
var mxPatients = []patient{
	{"no-domain", "The domain does not exist.", "mx_no_domain", onDomain, func(_ *World, h *home) {
		*h = home{domain: h.domain, n: h.n, gone: true}
	}},
	{"no-mx", "The domain has neither MX record nor address.", "mx_missing", onDomain, func(_ *World, h *home) {
		h.mx = nil
	}},
	{"implicit-mx", "The domain has no MX record, and mail goes to its own address.", "mx_implicit", onDomain, func(w *World, h *home) {
		h.mx = nil
		h.add(w, h.domain, 25, netip.AddrFrom4([4]byte{192, 0, 2, h.n}))
		h.protect("enforce", month, h.domain)
	}},
	{"half-null-mx", "A null MX stands beside another MX record.", "mx_null_mixed", onDomain, func(_ *World, h *home) {
		h.mx = append(h.mx, "0 .")
	}},
	{"null-mx", "The domain says that it takes no mail.", "mx_null", onDomain, func(_ *World, h *home) {
		h.mx, h.sts, h.tlsRPT, h.sender.target = []string{"0 ."}, "", "", ""
		h.spf = []string{"v=spf1 -all"}
	}},
	{"sends-only", "The domain says that it takes no mail, and sends some.", "mx_null_sends", onDomain, func(_ *World, h *home) {
		h.mx, h.sts, h.tlsRPT = []string{"0 ."}, "", ""
		h.shows("mx_null", h.domain)
	}},
	{"alias", "The MX record names an alias.", "mx_alias", onDomain, func(w *World, h *home) {
		h.moveOut(w)
		name := "mail." + h.domain
		h.mx = []string{"10 " + name + "."}
		h.hosts[0].certificate.Names = append(h.hosts[0].certificate.Names, name)
		h.protect("enforce", month, name)
		h.extra = name + ". CNAME " + h.hosts[0].name + ".\n"
	}},
	{"literal", "An MX record holds an address where a name should be.", "mx_literal", onDomain, func(_ *World, h *home) {
		h.mx = append(h.mx, "20 192.0.2.10.")
	}},
	{"bad-name", "An MX record holds a name with a blank in it.", "mx_bad_name", onDomain, func(_ *World, h *home) {
		h.mx = append(h.mx, `20 mail\032server.`+h.domain+".")
	}},
	{"old-backup", "The second MX record names a host that is gone.", "mx_no_address", onDomain, func(_ *World, h *home) {
		h.mx = append(h.mx, "20 old."+h.domain+".")
		h.protect("enforce", month, healthyMX, "old."+h.domain)
		h.shows("smtp_no_address", "old."+h.domain+":25")
	}},
	{"old-mx", "The only MX record names a host that is gone.", "mx_unusable", onDomain, func(_ *World, h *home) {
		h.mx = []string{"10 old." + h.domain + "."}
		h.protect("enforce", month, "old."+h.domain)
		h.shows("mx_no_address", h.domain)
		h.shows("smtp_no_address", "old."+h.domain+":25")
	}},
	{"inside-address", "An MX host has an address that is not public.", "mx_private_address", onDomain, func(_ *World, h *home) {
		name, addr := "inside."+h.domain, netip.AddrFrom4([4]byte{10, 0, 0, h.n})
		h.mx = append(h.mx, "20 "+name+".")
		h.protect("enforce", month, healthyMX, name)
		h.extra = fmt.Sprintf("%s. A %s\n%s. PTR %s.\n", name, addr, reverse(addr), name)
		h.shows("smtp_not_allowed", name+":25")
	}},
	{"many-mx", "There are more MX records than senders look at.", "mx_too_many", onDomain, func(_ *World, h *home) {
		for i := range 10 {
			h.mx = append(h.mx, fmt.Sprintf("%d %s.", 20+i, healthyMX))
		}
	}},
	{"small-backup", "The second MX host takes only letters that are smaller than what the first takes.", "mx_backup_differs", onDomain, func(w *World, h *home) {
		s := h.add(w, "mx2."+h.domain, 25, netip.AddrFrom4([4]byte{192, 0, 2, h.n}))
		s.server.Extensions = []string{"SIZE 10485760", "PIPELINING", "8BITMIME"}
		h.mx = append(h.mx, "20 "+s.name+".")
		h.protect("enforce", month, healthyMX, s.name)
	}},
	{"parked-mx", "The domain is parked and has an MX record.", "mx_parked", onDomain, func(w *World, h *home) {
		mx := h.mx
		park(w, h)
		h.mx = mx
	}},
}
