package checks

import (
	"context"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// What remedies name of MTA-STS: the record with a new id, and the file that goes with it. Senders see a change of the file only when the
// id changes, so that the two are proposed together.

// stsRecord are the values of the record with a new id. None is proposed where the name is an alias: the record that it leads to is
// somebody else's.
func stsRecord(r *Round, answer dnsclient.Answer[string]) catalog.Values {
	if n := len(answer.Aliases); n > 0 {
		return catalog.Values{catalog.ValueAlias: answer.Aliases[n-1]}
	}
	text := ""
	if len(answer.Records) == 1 {
		text = answer.Records[0]
	}
	return catalog.RecordValues("_mta-sts."+r.Target.Name, "TXT", record.FixMTASTS(text, r.Time.UTC().Format("20060102150405")))
}

// stsFile are the values of a policy file.
func stsFile(r *Round, policy record.STSPolicy) catalog.Values {
	return catalog.FileValues("https://mta-sts."+r.Target.Name+policyPath, policy.String())
}

// testingSTS is the policy in the mode in which senders refuse nothing.
func testingSTS(policy record.STSPolicy) record.STSPolicy {
	policy.Mode = record.STSTesting
	return policy
}

// longerSTS is the policy with a max_age of 30 days: RFC 8461 section 3.2 expects weeks or more.
func longerSTS(policy record.STSPolicy) record.STSPolicy {
	policy.MaxAge = 30 * 24 * time.Hour
	return policy
}

// newSTSFile are the values of a policy made anew for the MX hosts, with what can be read of a broken one; nil where there are none or they could
// not be told.
func newSTSFile(ctx context.Context, r *Round, broken string) catalog.Values {
	hosts, err := mailHosts(ctx, r, r.Target.Name)
	if err != nil || len(hosts) == 0 {
		return nil
	}
	return catalog.Values{catalog.ValueMX: strings.Join(hosts, ", ")}.With(stsFile(r, record.FixSTSPolicy(broken, hosts)))
}

// unservedError is an errNotServed with a remedy of its own.
type unservedError struct {
	error
	values catalog.Values
}

// Unwrap returns what happened.
func (f unservedError) Unwrap() error { return f.error }
