package checks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// leastSTSAge is the shortest max_age that we take for meant. RFC 8461 section 3.2 expects "weeks or greater"; senders look for a new
// policy each day, so that a week bridges a few days of trouble with the web server.
const leastSTSAge = 7 * 24 * time.Hour

// The metrics of MTA-STS. All are of the last run that could tell, and are held for 24 hours.
var (
	mtaSTSValid = &Metric{
		Name: "mta_sts_valid",
		Help: "1 if senders find a valid MTA-STS record and can fetch a valid policy, 0 if not or if there is none, as of the last run that could tell.",
	}
	mtaSTSMode = &Metric{
		Name:   "mta_sts_mode",
		Help:   "1 for the mode of the MTA-STS policy: enforce, testing or none, as of the last run that could tell.",
		Labels: []string{"mode"},
	}
	mtaSTSMaxAge = &Metric{
		Name: "mta_sts_max_age_seconds",
		Help: "How long senders may rely on the MTA-STS policy, in seconds, as of the last run that could tell.",
	}
	mtaSTSMXCovered = &Metric{
		Name:   "mta_sts_mx_covered",
		Help:   "1 if a pattern of the MTA-STS policy matches the MX host, 0 if not, for the 10 hosts of lowest preference; absent in mode none; as of the last run that could tell.",
		Labels: []string{"server"},
	}
)

// The check mta_sts looks at a domain's MTA-STS as a sender does. A record says that there is a policy and gives its edition an id; the
// policy is a file on a web server, proved by its certificate, and says which MX hosts are the domain's and that TLS to
// them must verify. A sender keeps it for max_age and fetches it anew when the id changes. So an MX record that the
// policy does not cover loses mail, and only at those who know the policy.
//
// Whether the hosts present good certificates is what check smtp saw of them when it last could, so that nobody is asked twice.
//
// A file that cannot be had is a fault where the host answers wrongly or refuses, and unknown where nothing comes back.
// It is fetched once a run. RFC 8461 section 3.3: a failed fetch is not repeated for five minutes. That is the least interval of this check,
// and a run that comes sooner, as after a reload, has the failure from before.
var mtaSTSCheck = &Check{
	Name:    "mta_sts",
	Help:    "Is there a policy that makes senders encrypt, can they fetch it, and does it cover every MX host?",
	Ref:     "RFC 8461",
	Metrics: []*Metric{mtaSTSValid, mtaSTSMode, mtaSTSMaxAge, mtaSTSMXCovered, recordChange},
	Problems: []string{
		"mta_sts_missing", "mta_sts_invalid", "mta_sts_policy_unavailable", "mta_sts_policy_invalid", "mta_sts_mx_not_covered",
		"mta_sts_mx_certificate", "mta_sts_id_unchanged", "mta_sts_short_age", "mta_sts_media_type", "mta_sts_empty_line",
	},
	ReadsServers: true,
	Run:          runMTASTS,
}

func runMTASTS(ctx context.Context, r *Round) error {
	name := "_mta-sts." + r.Target.Name
	answer, err := r.Env.DNS.TXT(ctx, name)
	r.watchRecord(recordMTASTS, name, pick(answer.Records, record.IsMTASTS), err)
	if err != nil {
		return err
	}
	p := r.Part("policy", HoldRecords) // Record and file are one thing: neither is worth anything without the other.
	found := findRecord(p, name, answer, formMTASTS)
	switch {
	case found.missing.EN != "":
		p.Unknown = missingIfMailed(ctx, r, p, "mta_sts_missing", "", found.missing, stsRecord(r, answer), newSTSFile(ctx, r, ""))
	case found.fault.EN != "":
		p.Find("mta_sts_invalid", "", found.fault, stsRecord(r, answer), newSTSFile(ctx, r, ""))
	default:
		sts, err := record.ParseMTASTS(found.text)
		if err == nil {
			judgePolicy(ctx, r, p, sts.ID, stsRecord(r, answer))
			return nil
		}
		p.Find("mta_sts_invalid", "", wordsOf(err), stsRecord(r, answer), newSTSFile(ctx, r, ""))
	}
	p.EmitBool(mtaSTSValid, false)
	return nil
}

// judgePolicy fetches the policy that a good record promises, and judges it and the MX hosts by it. update are the values of the record to
// publish with a changed policy.
func judgePolicy(ctx context.Context, r *Round, p *Part, id string, update catalog.Values) {
	err := r.Env.Policies.failed(r.Target.Name, id, r.Time)
	var file policyFile
	if err == nil {
		file, err = fetchPolicy(ctx, r)
		r.Env.Policies.fetched(r.Target.Name, id, r.Time, err)
	}
	switch {
	case errors.Is(err, errNotServed):
		p.EmitBool(mtaSTSValid, false)
		var fault unservedError
		errors.As(err, &fault)
		p.Find("mta_sts_policy_unavailable", "", wordsOf(err), newSTSFile(ctx, r, ""), fault.values)
		return
	case err != nil:
		p.Unknown, r.Result.KeepOthers = err, true // The MX hosts.
		return
	}
	if file.alias != "" {
		p.Evidence = append(p.Evidence, "mta-sts."+r.Target.Name+" is an alias of "+file.alias)
	}
	p.Evidence = append(p.Evidence, quoteRecord(file.body))
	policy, err := record.ParseSTSPolicy(file.body)
	p.EmitBool(mtaSTSValid, err == nil)
	if err != nil {
		p.Find("mta_sts_policy_invalid", "", wordsOf(err), update, newSTSFile(ctx, r, file.body))
		return
	}
	if !file.plainText() {
		p.Find("mta_sts_media_type", "", say("the web server sends the policy %s, and it must be text/plain", file.served()), update)
	}
	if line := record.EmptySTSLine(file.body); line > 0 {
		p.Find("mta_sts_empty_line", "", say("line %d of the policy is empty", line), update, stsFile(r, policy))
	}
	p.Emit(mtaSTSMode, 1, string(policy.Mode))
	p.Emit(mtaSTSMaxAge, policy.MaxAge.Seconds())
	if policy.Mode == record.STSEnforce && policy.MaxAge < leastSTSAge {
		p.Find("mta_sts_short_age", "", say("max_age is %d seconds", policy.MaxAge/time.Second), update, stsFile(r, longerSTS(policy)))
	}
	if r.Env.Policies.differs(r.Target.Name, id, policyDigest(policy), policy.MaxAge, r.Time) {
		p.Find("mta_sts_id_unchanged", "", say("another policy was served before under the id %s", id), update)
	}
	if policy.Mode != record.STSNone {
		judgeCoverage(ctx, r, policy, update)
	}
}

// policyDigest tells policies apart. The order of its patterns counts for nothing: a policy may come from several machines.
func policyDigest(policy record.STSPolicy) [sha256.Size]byte {
	policy.MX = slices.Compact(slices.Sorted(slices.Values(policy.MX)))
	return sha256.Sum256([]byte(policy.String()))
}

// tlsFaults are the problems of a server for which a sender who heeds the policy does not deliver there (RFC 8461 section 4.2). A weak key
// is not among them: only some refuse it.
var tlsFaults = []string{
	"smtp_starttls_missing", "smtp_starttls_broken", "smtp_tls_failed", "certificate_expired", "certificate_not_yet_valid", "certificate_name_mismatch",
	"certificate_untrusted", "certificate_self_signed", "certificate_incomplete_chain", "certificate_invalid",
}

// TLSFaults are these problems, for alerts that tell of both.
func TLSFaults() []string { return slices.Clone(tlsFaults) }

// errNoCertificateVerdict says that check smtp has not judged the certificate of an MX host, or judged it by another name.
var errNoCertificateVerdict = fmt.Errorf("the certificate of this MX host is not known: %w", ErrServerUnseen)

// judgeCertificate says whether the certificate of an MX host satisfies the policy, by what check smtp last found there. A sender keeps
// the mail and comes back where TLS failed only for the moment: then the certificate counts that was last seen.
func judgeCertificate(r *Round, host string, severity catalog.Severity, values catalog.Values) {
	p := r.Part(host+" certificate", HoldRecords)
	p.Unknown = errNoCertificateVerdict
	server, things := r.Env.Standing(host+mxPort, smtpCheck.Name)
	if server == nil || server.Server.ServerName != host {
		return // The operator may have it judged by another name than that of the MX record.
	}
	for _, key := range slices.Sorted(maps.Keys(things)) {
		if strings.HasPrefix(key, "certificate ") {
			p.Unknown = nil
		}
		for _, f := range things[key] {
			if slices.Contains(tlsFaults, f.Problem) && !f.Transient {
				p.Unknown = nil
				p.Find("mta_sts_mx_certificate", severity, say("%s: %s", host, f.Evidence), values)
			}
		}
	}
}

// judgeCoverage compares the names of the MX records with the patterns: the names as they stand there, be they
// aliases or not (RFC 8461 section 4.1).
func judgeCoverage(ctx context.Context, r *Round, policy record.STSPolicy, update catalog.Values) {
	p := r.Part("mx", HoldRecords)
	hosts, err := mailHosts(ctx, r, r.Target.Name)
	if err != nil {
		p.Unknown, r.Result.KeepOthers = err, true
		return
	}
	severity := catalog.Severity("")
	if policy.Mode == record.STSTesting {
		severity = catalog.SeverityWarning
	}
	for i, host := range hosts {
		covered := policy.Covers(host)
		if i < manyMX {
			p.EmitBool(mtaSTSMXCovered, covered, host+mxPort)
		}
		if !covered {
			p.Find("mta_sts_mx_not_covered", severity, say("%s matches none of %s", host, strings.Join(policy.MX[:min(len(policy.MX), 5)], ", ")),
				catalog.Values{catalog.ValueHost: host}, update, stsFile(r, policy.Cover(hosts)))
		}
		values := catalog.Values{catalog.ValueHost: host}
		if policy.Mode == record.STSEnforce {
			values = values.With(update).With(stsFile(r, testingSTS(policy)))
		}
		judgeCertificate(r, host, severity, values)
	}
}

// mailHosts returns the names to which mail for a domain goes, each once, at most as many as check mx looks at: those of its MX records, or its own
// without any (RFC 5321 section 5.1). There are none where the domain takes no mail.
func mailHosts(ctx context.Context, r *Round, domain string) ([]string, error) {
	answer, err := r.Env.DNS.MX(ctx, domain)
	if err != nil {
		return nil, err
	}
	switch answer.Outcome {
	case dnsclient.OutcomeNoName:
		return nil, nil
	case dnsclient.OutcomeNoData:
		self := lookUpExchanger(ctx, r, domain)
		if len(self.addrs) > 0 {
			return []string{self.host}, nil
		}
		return nil, self.err
	}
	var hosts []string
	seen := map[string]bool{}
	for _, mx := range answer.Records {
		if mx.Host != "" && !literal(mx.Host) && !seen[mx.Host] {
			hosts = append(hosts, mx.Host)
			seen[mx.Host] = true
		}
	}
	return hosts[:min(len(hosts), maxMXHosts)], nil
}

// missingIfMailed finds that a record about the receiving of mail is missing, unless the domain takes none. The error says that this could not be told.
func missingIfMailed(ctx context.Context, r *Round, p *Part, problem string, severity catalog.Severity, evidence catalog.Text, values ...catalog.Values) error {
	hosts, err := mailHosts(ctx, r, r.Target.Name)
	if err == nil && len(hosts) > 0 {
		p.Find(problem, severity, evidence, values...)
	}
	return err
}

// A foundRecord is the one record of its kind at a name, or why it is not there.
type foundRecord struct {
	text           string
	missing, fault catalog.Text
}

// A recordForm is how records of a standard are told from other TXT records.
type recordForm struct {
	is    func(string) bool
	mark  string       // A word in lower case by which a record that was meant gives itself away where it is too broken to count.
	begin catalog.Text // What it must begin with.
}

var (
	formMTASTS = recordForm{record.IsMTASTS, "stsv1", say("%s and a semicolon", "v=STSv1")}
	formTLSRPT = recordForm{record.IsTLSRPT, "tlsrpt", say("%s and a semicolon", "v=TLSRPTv1")}
	formBIMI   = recordForm{record.IsBIMI, "bimi1", say("%s and a semicolon", "v=BIMI1")}
)

// findRecord picks the record that is meant among the TXT records of a name, as the standards of MTA-STS, TLS-RPT and BIMI say it: others
// are discarded, and of several none counts.
func findRecord(p *Part, name string, answer dnsclient.Answer[string], form recordForm) foundRecord {
	var meant, almost []string
	for _, text := range answer.Records {
		switch {
		case form.is(text):
			meant = append(meant, text)
		case meantAs(text, form.mark):
			almost = append(almost, text)
		default:
			continue
		}
		p.Evidence = append(p.Evidence, name+" "+quoteRecord(text))
	}
	known := alsoKnown(name, answer.Aliases)
	switch {
	case len(meant) == 1:
		return foundRecord{text: meant[0]}
	case len(meant) > 1:
		return foundRecord{fault: say("%s has %d records: %s and %s", known, len(meant), quoteRecord(meant[0]), quoteRecord(meant[1]))}
	case len(almost) > 0:
		return foundRecord{fault: say("%s %s: %s", known, quoteRecord(almost[0]), badBeginning(almost[0], form.begin))}
	case answer.Outcome == dnsclient.OutcomeNoName:
		return foundRecord{missing: say("%s does not exist (NXDOMAIN)", known)}
	}
	return foundRecord{missing: say("%s has no such record", known)}
}

// alsoKnown is a name with what it is an alias of, if it is one.
func alsoKnown(name string, aliases []string) catalog.Text {
	if n := len(aliases); n > 0 {
		return say("%s, an alias of %s,", name, aliases[n-1])
	}
	return same(name)
}
