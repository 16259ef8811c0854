package mailworld

// senderPatients have a sender whose address or name receivers mistrust.
var senderPatients = []patient{
	{"no-sender", "The sender's name has no address.", "rdns_no_address", onSender, func(_ *World, h *home) {
		h.sender.target, h.sender.nowhere, h.sender.ptr = h.sender.name, true, ""
	}},
	{"no-ptr", "The sender's address has no name.", "rdns_missing", onSender, func(_ *World, h *home) {
		h.sender.ptr = ""
	}},
	{"unconfirmed-ptr", "The name of the sender's address does not lead back to it.", "rdns_unconfirmed", onSender, func(_ *World, h *home) {
		h.sender.ptr = h.hosts[0].name
	}},
	{"home-line", "The name of the sender's address is one of a provider's pool.", "rdns_generic", onSender, func(_ *World, h *home) {
		h.sender.ptr = "dsl-pool-17." + h.domain
		h.extra = h.sender.ptr + ". A " + h.sender.addr.String() + "\n"
	}},
	{"strange-helo", "The name that the sender says in HELO does not lead to it.", "rdns_helo_unresolved", onSender, func(_ *World, h *home) {
		h.sender.helo = "mail.inside." + h.domain
	}},
	{"forbidden-helo", "The SPF record of the sender's HELO name lets nobody send.", "spf_helo_not_authorised", onSender, func(_ *World, h *home) {
		h.sender.heloSPF = "v=spf1 -all"
	}},
	{"listed", "The sender is on a blocklist.", "dnsbl_listed", onSender, func(_ *World, h *home) {
		h.extra = listing(h.sender.addr, "127.0.0.2")
	}},
	{"listed-name", "The domain is on a blocklist of names.", "dnsbl_listed", onDomain, func(_ *World, h *home) {
		h.extra = h.domain + "." + namesZone + ". A 127.0.0.2\n"
	}},
	{"strange-code", "A blocklist says of the sender what nobody has told us to read.", "dnsbl_unknown_code", onSender, func(_ *World, h *home) {
		h.extra = listing(h.sender.addr, "127.0.0.77")
	}},
}
