package mailworld

import (
	"net/http"
	"time"
)

// policyPatients have something wrong in what they tell senders of TLS, or in their logo.
var policyPatients = []patient{
	{"no-sts", "There is no MTA-STS.", "mta_sts_missing", onDomain, func(_ *World, h *home) {
		h.sts = ""
	}},
	{"sts-record", "The id of the MTA-STS record has hyphens in it.", "mta_sts_invalid", onDomain, func(_ *World, h *home) {
		h.sts = "v=STSv1; id=2026-01-01"
	}},
	{"sts-redirect", "The web server with the MTA-STS policy redirects, and senders do not follow.", "mta_sts_policy_unavailable", onDomain, func(_ *World, h *home) {
		h.policy.Status, h.policy.Header = http.StatusMovedPermanently, http.Header{"Location": {"https://www." + h.domain + "/"}}
	}},
	{"sts-policy", "The MTA-STS policy has a mode that there is not.", "mta_sts_policy_invalid", onDomain, func(_ *World, h *home) {
		h.protect("report", month, healthyMX)
	}},
	{"sts-uncovered", "The MTA-STS policy names another MX host than the MX record.", "mta_sts_mx_not_covered", onDomain, func(_ *World, h *home) {
		h.protect("enforce", month, "old."+h.domain)
	}},
	{"sts-certificate", "There is MTA-STS, and the MX host's certificate is signed by itself.", "mta_sts_mx_certificate", onDomain, func(w *World, h *home) {
		h.moveOut(w)
		h.hosts[0].certificate.SelfSigned = true
		h.shows("certificate_self_signed", h.hosts[0].target())
	}},
	{"sts-unchanged", "The MTA-STS policy changes and its id does not.", "mta_sts_id_unchanged", onDomain, func(_ *World, h *home) {
		h.policy.Next = policyText("enforce", 2*month, healthyMX)
	}},
	{"sts-hour", "Senders forget the MTA-STS policy after an hour.", "mta_sts_short_age", onDomain, func(_ *World, h *home) {
		h.protect("enforce", time.Hour, healthyMX)
	}},
	{"sts-type", "The web server sends the MTA-STS policy as a file to download.", "mta_sts_media_type", onDomain, func(_ *World, h *home) {
		h.policy.Header = http.Header{"Content-Type": {"application/octet-stream"}}
	}},
	{"sts-empty-line", "The MTA-STS policy ends in an empty line.", "mta_sts_empty_line", onDomain, func(_ *World, h *home) {
		h.policy.Body += "\n"
	}},
	{"no-tls-reports", "There is MTA-STS, and nobody reports what it holds back.", "tls_rpt_missing", onDomain, func(_ *World, h *home) {
		h.tlsRPT = ""
	}},
	{"tls-reports", "TLS reports go to an address without mailto.", "tls_rpt_invalid", onDomain, func(_ *World, h *home) {
		h.tlsRPT = "v=TLSRPTv1; rua=tlsrpt@" + h.domain
	}},
	{"no-logo", "There is no BIMI record.", "bimi_missing", onDomain, func(_ *World, h *home) {
		h.bimi = ""
	}},
	{"logo", "The logo of the BIMI record is not at an https address.", "bimi_invalid", onDomain, func(_ *World, h *home) {
		h.bimi = "v=BIMI1; l=http://www." + h.domain + "/logo.svg"
	}},
	{"hidden-logo", "DMARC is only tried out, so that nobody shows the logo.", "bimi_dmarc", onDomain, func(_ *World, h *home) {
		h.dmarc[0] += "; t=y"
	}},
}
