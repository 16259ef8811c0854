package targets

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

func (p *parser) heloName(v value) {
	readInto(v, &p.cfg.HeloName, parseHeloName)
	for _, suffix := range []string{".local", ".internal", ".lan", ".home.arpa", ".invalid"} {
		if strings.HasSuffix(p.cfg.HeloName, suffix) {
			v.warn("the world's DNS does not know names under %s; servers that look the name up will refuse us", suffix[1:])
		}
	}
}

func (p *parser) resolver(v value) {
	m := v.mapping("servers", "timeout", "validates_dnssec")
	r := &p.cfg.Resolver
	m.at("servers", func(v value) { r.Servers = readList(v, hostPort("53", "53")) })
	m.at("timeout", func(v value) { readInto(v, &r.Timeout, durationFrom(100*time.Millisecond, 30*time.Second)) })
	m.at("validates_dnssec", func(v value) { v.boolean(&r.ValidatesDNSSEC) })
}

func (p *parser) tls(v value) {
	m := v.mapping("ca_file")
	m.at("ca_file", func(v value) {
		name, ok := v.text()
		if !ok || name == "" {
			return
		}
		file := p.doc.under(name)
		p.cfg.TLS.CAFile = file
		p.cfg.inputs = append(p.cfg.inputs, escape(file))
		text, err := readRegular(file)
		if err != nil {
			v.bad(name, "the file cannot be read: "+reason(err))
			return
		}
		if err := certificatesIn(text); err != nil {
			v.bad(name, err.Error())
		}
	})
}

// certificatesIn reports what is wrong with a file of trust anchors.
func certificatesIn(text []byte) error {
	found := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		found++
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d in the file cannot be read; want certificates in PEM form", found)
		}
	}
	if found == 0 {
		return errors.New("the file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return nil
}

func (p *parser) certificate(v value) {
	m := v.mapping("warning", "warning_share", "critical", "critical_share")
	c := &p.cfg.Certificate
	left := durationFrom(0, 365*24*time.Hour)
	m.at("warning", func(v value) { readInto(v, &c.Warning, left) })
	m.at("warning_share", func(v value) { readInto(v, &c.WarningShare, parseShare) })
	m.at("critical", func(v value) { readInto(v, &c.Critical, left) })
	m.at("critical_share", func(v value) { readInto(v, &c.CriticalShare, parseShare) })
	if c.Critical > c.Warning || c.CriticalShare > c.WarningShare {
		v.warn("the thresholds of critical are above those of warning, so that nothing is warned of before it is critical")
	}
}

func (p *parser) limits(v value) {
	m := v.mapping("concurrency", "per_host", "dns_queries_per_second", "connects_per_second")
	l := &p.cfg.Limits
	m.at("concurrency", func(v value) { v.count(&l.Concurrency, 100_000) })
	m.at("per_host", func(v value) { v.count(&l.PerHost, 100) })
	m.at("dns_queries_per_second", func(v value) { v.count(&l.DNSQueriesPerSecond, 1_000_000) })
	m.at("connects_per_second", func(v value) { v.count(&l.ConnectsPerSecond, 100_000) })
}

func (p *parser) ignore(v value) {
	for _, item := range v.list() {
		m := item.mapping("problem", "target", "until", "reason")
		rule := Ignore{Target: "*"}
		m.need("problem", "problem: bimi_missing, or a pattern such as bimi_*", func(v value) { readInto(v, &rule.Problem, parseProblem) })
		m.at("target", func(v value) { readInto(v, &rule.Target, parseTargetGlob) })
		m.at("reason", func(v value) { readInto(v, &rule.Reason, anyText) })
		m.at("until", func(v value) {
			readInto(v, &rule.Until, parseDay)
			if !rule.Until.IsZero() && !time.Now().Before(rule.Until) {
				v.warn("the day has passed, so the rule accepts nothing any more; remove it")
			}
		})
		p.cfg.Ignore = append(p.cfg.Ignore, rule)
	}
}

func (p *parser) severity(v value) {
	words := oneOf(catalog.SeverityCritical, catalog.SeverityWarning, catalog.SeverityInfo, catalog.SeverityOff)
	for _, pr := range v.pairs() {
		rule := SeverityRule{Problem: pr.name}
		if _, err := parseProblem(pr.name); err != nil {
			pr.key.fail("%s", err)
		}
		if pr.value.kind() == "true or false" { // YAML of old took off for false; some editors still write it so.
			pr.value.fail(`want one of critical, warning, info, "off"`)
			continue
		}
		readInto(pr.value, &rule.Severity, words)
		p.cfg.Severity = append(p.cfg.Severity, rule)
	}
}

const metricPrefix = "mailprobe_"

func (p *parser) metrics(v value) {
	m := v.mapping("exclude")
	m.at("exclude", func(v value) {
		p.cfg.Metrics.Exclude = readList(v, func(s string) (string, error) {
			name := strings.TrimPrefix(s, metricPrefix)
			if p.opts.Metrics != nil && !slices.Contains(p.opts.Metrics, name) {
				return "", errors.New("there is no such metric; " + nearest(name, p.opts.Metrics) + " (README.md lists them)")
			}
			return name, nil
		})
	})
}

func (p *parser) vantage(v value) {
	m := v.mapping("egress")
	m.at("egress", func(v value) {
		p.cfg.Vantage.Egress = readList(v, hostPort("25", ""))
		for _, server := range p.cfg.Vantage.Egress {
			if !strings.HasSuffix(server, ":25") {
				v.warn("%s is not on port 25, the one that networks block; what it answers proves nothing of that", server)
			}
		}
	})
}
