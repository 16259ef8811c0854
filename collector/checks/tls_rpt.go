package checks

import (
	"context"
	"slices"

	"github.com/mailprobe/mailprobe_exporter/catalog"
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
	case found.missing != "":
		p.Unknown = tlsRPTMissing(ctx, r, p, found.missing)
	case found.fault != "":
		p.Find("tls_rpt_invalid", "", found.fault)
	default:
		_, err := record.ParseTLSRPT(found.text)
		if valid = err == nil; !valid {
			p.Find("tls_rpt_invalid", "", err.Error())
		}
	}
	p.EmitBool(tlsRPTValid, valid)
	return nil
}

// tlsRPTMissing finds how grave it is that the record is missing. The error says that this could not be told.
func tlsRPTMissing(ctx context.Context, r *Round, p *Part, evidence string) error {
	sts, err := r.Env.DNS.TXT(ctx, "_mta-sts."+r.Target.Name)
	if err != nil {
		return err
	}
	severity := catalog.Severity("")
	if slices.ContainsFunc(sts.Records, record.IsMTASTS) {
		severity = catalog.SeverityWarning
	}
	return missingIfMailed(ctx, r, p, "tls_rpt_missing", severity, evidence)
}
