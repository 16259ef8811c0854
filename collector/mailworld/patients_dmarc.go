package mailworld

// declined is the BIMI record of a domain that wants no logo, for those whose DMARC is not strict enough for one.
const declined = "v=BIMI1; l="

// dmarcPatients have a DMARC record that receivers cannot use, or that asks them for little, or something else that large ones
// demand is not there.
var dmarcPatients = []patient{
	{"no-dmarc", "There is no DMARC record.", "dmarc_missing", onDomain, func(_ *World, h *home) {
		h.dmarc, h.bimi = nil, declined
	}},
	{"two-dmarc", "There are two DMARC records, of which receivers take none.", "dmarc_multiple", onDomain, func(_ *World, h *home) {
		h.dmarc, h.bimi = append(h.dmarc, "v=DMARC1; p=none"), declined
	}},
	{"bad-dmarc", "A tag of the DMARC record has a value that there is not.", "dmarc_invalid", onDomain, func(_ *World, h *home) {
		h.dmarc[0] += "; adkim=strict"
	}},
	{"no-policy", "The DMARC record does not say what to do, which counts as nothing.", "dmarc_policy_missing", onDomain, func(_ *World, h *home) {
		h.dmarc, h.bimi = []string{"v=DMARC1; rua=mailto:dmarc@" + h.domain}, declined
		h.shows("dmarc_policy_none", h.domain)
	}},
	{"lenient", "DMARC has nothing done to letters that fail.", "dmarc_policy_none", onDomain, func(_ *World, h *home) {
		h.dmarc, h.bimi = []string{"v=DMARC1; p=none; rua=mailto:dmarc@" + h.domain}, declined
	}},
	{"old-tags", "The DMARC record has tags that are no more.", "dmarc_old_tags", onDomain, func(_ *World, h *home) {
		h.dmarc[0] += "; pct=100; ri=3600"
	}},
	{"no-reports", "Nobody reads what receivers report about DMARC.", "dmarc_no_reports", onDomain, func(_ *World, h *home) {
		h.dmarc[0] = "v=DMARC1; p=reject"
	}},
	{"lost-reports", "DMARC reports are to go to a domain that has not said it wants them.", "dmarc_report_unauthorised", onDomain, func(_ *World, h *home) {
		h.dmarc[0] = "v=DMARC1; p=reject; rua=mailto:dmarc@reports.example"
	}},
	{"unaligned", "The key is revoked and SPF does not name the sender, so that no letter passes DMARC.", "dmarc_alignment", onDomain, func(_ *World, h *home) {
		h.dkim, h.spf = []string{"v=DKIM1; k=rsa; p="}, []string{"v=spf1 -all"}
		h.shows("dkim_revoked", h.domain)
		h.shows("spf_not_authorised", h.domain)
	}},
	{"eu.news.old-and-new", "Old receivers look for DMARC at the organisation only, and find none.", "dmarc_discovery_differs", onDomain, func(_ *World, h *home) {
		h.extra = "_dmarc.news.old-and-new.example. TXT \"" + h.dmarc[0] + "; psd=n\"\n"
		h.dmarc = nil
	}},
	{"parked-dmarc", "The domain is parked and DMARC does not refuse what pretends to be from it.", "dmarc_parked", onDomain, func(w *World, h *home) {
		park(w, h)
		h.dmarc[0] = "v=DMARC1; p=quarantine"
	}},
	{"no-zone", "No zone begins at the domain, so that Yahoo does not believe that it exists.", "bulk_not_met", onDomain, func(_ *World, h *home) {
		h.noZone = true
	}},
}
