package checks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// hold has the environment answer as if check smtp held this of servers, an address a line: "mx1.example 192.0.2.1 up=1 starttls=1
// size=1000 certificate=good", or a problem for certificate.
func (e *Env) hold(text string) {
	servers := map[string]*targets.Target{}
	things := map[string]map[string][]Finding{}
	values := map[string]map[string]float64{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name, addr := words[0]+mxPort, words[1]
		servers[name] = &targets.Target{Name: name, Server: &targets.Server{Host: words[0], ServerName: words[0]}}
		if things[name] == nil {
			things[name] = map[string][]Finding{}
		}
		things[name][addr] = nil
		for _, word := range words[2:] {
			what, value, _ := strings.Cut(word, "=")
			if what == "certificate" {
				var found []Finding
				if value != "good" {
					found = []Finding{{Problem: value, Evidence: same(addr)}}
				}
				things[name]["certificate "+addr] = found
				continue
			}
			metric := map[string]*Metric{"up": smtpUp, "starttls": smtpStartTLS, "size": smtpSizeLimit}[what]
			key := name + " " + metric.Name
			if values[key] == nil {
				values[key] = map[string]float64{}
			}
			values[key][addr], _ = strconv.ParseFloat(value, 64)
		}
	}
	e.Standing = func(name, _ string) (*targets.Target, map[string][]Finding) { return servers[name], things[name] }
	e.Measured = func(name, _ string, m *Metric) map[string]float64 { return values[name+" "+m.Name] }
}

// backupCases are those of TestMX in which a domain has an MX host beside the first.
var backupCases = func() (out []recordCase) {
	const good = "192.0.2.1 up=1 starttls=1 size=1000 certificate=good"
	for _, c := range []struct{ name, first, backup, want string }{
		{"same", good, "192.0.2.2 up=1 starttls=1 size=1000 certificate=good", ""},
		{"larger", good, "192.0.2.2 up=1 starttls=1 size=2000 certificate=good", ""},
		{"no-starttls", good, "192.0.2.2 up=1 starttls=0 size=1000", "! mx_backup_differs"},
		{"no-starttls-either", "192.0.2.1 up=1 starttls=0", "192.0.2.2 up=1 starttls=0", ""},
		{"no-starttls-first", "192.0.2.1 up=1 starttls=0", good, ""},
		{"certificate", good, "192.0.2.2 up=1 starttls=1 certificate=certificate_expired", "! mx_backup_differs"},
		{"certificate-weak", good, "192.0.2.2 up=1 starttls=1 certificate=certificate_weak", ""},
		{"certificates", "192.0.2.1 up=1 starttls=1 certificate=certificate_expired", "192.0.2.2 up=1 starttls=1 certificate=certificate_expired", ""},
		{"certificate-unseen", "192.0.2.1 up=1 starttls=1", "192.0.2.2 up=1 starttls=1 certificate=certificate_expired", ""},
		{"smaller", good, "192.0.2.2 up=1 starttls=1 size=999 certificate=good", "! mx_backup_differs"},
		{"smaller-unstated", "192.0.2.1 up=1 starttls=1", "192.0.2.2 up=1 starttls=1 size=999", ""},
		{"unstated", good, "192.0.2.2 up=1 starttls=1", ""},
		{"both", good, "192.0.2.2 up=1 starttls=0 size=999", "! mx_backup_differs\n! mx_backup_differs"},
		{"down", good, "192.0.2.2 up=0 starttls=0", "? mx2.%s backup"},
		{"silent", good, "192.0.2.2 up=0", "? mx2.%s backup"},
		{"unseen", good, "", "? mx2.%s backup"},
		{"first-down", "192.0.2.1 up=0", good, "? mx2.%s backup"},
		{"first-unseen", "", good, "? mx2.%s backup"},
		{"one-address", good, "192.0.2.2 up=1 starttls=1 size=1000 certificate=good\nmx2.%s 2001:db8::2 up=1 starttls=0", "! mx_backup_differs"},
		{"two-first", good + "\nmx1.%s 2001:db8::1 up=1 starttls=1 size=500", "192.0.2.2 up=1 starttls=1 size=600", ""},
		{"one-address-states", good, "192.0.2.2 up=1 starttls=1 certificate=good\nmx2.%s 2001:db8::2 up=1 starttls=1 size=999", "! mx_backup_differs"},
		{"one-address-down", good, "192.0.2.2 up=1 starttls=1 size=1000 certificate=good\nmx2.%s 2001:db8::2 up=0 starttls=0", ""},
	} {
		held := ""
		if c.first != "" {
			held += "mx1.%s " + c.first + "\n"
		}
		if c.backup != "" {
			held += "mx2.%s " + c.backup + "\n"
		}
		out = append(out, recordCase{name: "backup-" + c.name, held: held, zone: `
%s MX 10 mx1.%s
%s MX 20 mx2.%s
mx1.%s A 192.0.2.1
mx2.%s A 192.0.2.2`, want: strings.TrimSpace(`
mx_hosts 2
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
mx_info server=mx2.%s:25 preference=20 1
`+c.want) + `
follow mx1.%s
follow mx2.%s`})
	}
	// What is wrong with its certificate by the name that the operator gave it is not what senders see.
	named := out[slices.IndexFunc(out, func(c recordCase) bool { return c.name == "backup-certificate" })]
	host := "mx2.backup-another-name.example"
	named.name, named.want = "backup-another-name", strings.Replace(named.want, "! mx_backup_differs", "", 1)
	named.want = strings.ReplaceAll(named.want, "\n\n", "\n")
	named.others = []*targets.Target{{Name: host + mxPort, Server: &targets.Server{Host: host, Port: 25, ServerName: "mail.example.net"}}}
	out = append(out, named)
	for _, c := range []struct{ name, first, backup string }{
		{"of-provider", "mx1.%s", "aspmx.l.google.com"},
		{"to-provider", "aspmx.l.google.com", "mx1.%s"},
	} {
		out = append(out, recordCase{
			name: "backup-" + c.name, held: c.first + " " + good + "\n" + c.backup + " 192.0.2.2 up=1 starttls=0",
			zone: strings.ReplaceAll("%s MX 10 "+c.first+"\n%s MX 20 "+c.backup, ".com", ".com.") + "\nmx1.%s A 192.0.2.1\naspmx.l.google.com. A 192.0.2.1",
			want: "mx_hosts 2\nmx_null 0\nmx_info server=" + c.first + ":25 preference=10 1\nmx_info server=" + c.backup + ":25 preference=20 1\nfollow " + c.first + "\nfollow " + c.backup,
		})
	}
	return out
}()
