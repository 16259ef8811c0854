package checks

import (
	"context"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// tlsRPTValid is of the last run that could tell, and is held for 24 hours.
var tlsRPTValid = &Metric{
	Name: "tls_rpt_valid",
	Help: "1 if there is one valid TLS-RPT record, 0 if it is missing, there several times or invalid, as of the last run that could tell.",
}

// The check tls_rpt reads the record that says where senders report whether they could encrypt mail to the domain. With MTA-STS
// they hold mail back where they cannot, and the report is the only place where the domain learns of it: a missing record is
// a fault then, and otherwise a hint.
var tlsRPTCheck = &Check{
	Name:     "tls_rpt",
	Help:     "Do senders report to the domain when they cannot encrypt mail to it?",
	Ref:      "RFC 8460",
	Metrics:  []*Metric{tlsRPTValid},
	Problems: []string{"tls_rpt_missing", "tls_rpt_invalid"},
	Run:      runTLSRPT,
}

func runTLSRPT(ctx context.Context, r *Round) error {
	name := "_smtp._tls." + r.Target.Name
	answer, err := r.Env.DNS.TXT(ctx, name)
	if err != nil {
		return err
	}
	p := r.Part("record", HoldRecords)
	found := findRecord(p, name, answer, formTLSRPT)
	valid := false
	switch {
	case found.missing.EN != "":
		p.Unknown = tlsRPTMissing(ctx, r, p, found.missing, tlsRPTRecord(r, name, answer))
	case found.fault.EN != "":
		p.Find("tls_rpt_invalid", "", found.fault, tlsRPTRecord(r, name, answer))
	default:
		_, err := record.ParseTLSRPT(found.text)
		if valid = err == nil; !valid {
			p.Find("tls_rpt_invalid", "", wordsOf(err), tlsRPTRecord(r, name, answer))
		}
	}
	p.EmitBool(tlsRPTValid, valid)
	return nil
}

// tlsRPTMissing finds how grave it is that the record is missing. The error says that this could not be told.
func tlsRPTMissing(ctx context.Context, r *Round, p *Part, evidence catalog.Text, values catalog.Values) error {
	sts, err := r.Env.DNS.TXT(ctx, "_mta-sts."+r.Target.Name)
	if err != nil {
		return err
	}
	severity := catalog.Severity("")
	if slices.ContainsFunc(sts.Records, record.IsMTASTS) {
		severity = catalog.SeverityWarning
	}
	return missingIfMailed(ctx, r, p, "tls_rpt_missing", severity, evidence, values)
}

// tlsRPTRecord are the values of one record for what stands at the name. None is proposed where the name is an alias: the record that it leads
// to is somebody else's.
func tlsRPTRecord(r *Round, name string, answer dnsclient.Answer[string]) catalog.Values {
	if n := len(answer.Aliases); n > 0 {
		return catalog.Values{catalog.ValueAlias: answer.Aliases[n-1]}
	}
	meant := slices.DeleteFunc(slices.Clone(answer.Records), func(text string) bool {
		return !record.IsTLSRPT(text) && !strings.Contains(strings.ToLower(text), formTLSRPT.mark)
	})
	// RFC 5321 section 4.5.1: every domain with mail has this address.
	return catalog.RecordValues(name, "TXT", record.FixTLSRPT(meant, "mailto:postmaster@"+r.Target.Name))
}
