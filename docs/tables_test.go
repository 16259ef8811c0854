// Package docs holds the documentation and the tests that keep it true.
package docs

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var update = flag.Bool("update", false, "write the tables into the documents")

// TestTables compares the tables in the documents with the code they are made from.
// `make docs` writes them.
func TestTables(t *testing.T) {
	for _, c := range []struct{ file, section, text string }{
		{"../README.md", "checks", checksTable(t, catalog.English)},
		{"../README.md", "metrics", metricsTables(t, catalog.English)},
		{"../README.ru.md", "checks", checksTable(t, catalog.Russian)},
		{"../README.ru.md", "metrics", metricsTables(t, catalog.Russian)},
		{"../SECURITY.md", "limits", limitsTable(t)},
		{"configuration.md", "blocklists", blocklistsTable()},
		{"demo.md", "demo", demoTable(t)},
		{"replies.md", "replies", repliesPage(catalog.English)},
		{"replies.ru.md", "replies", repliesPage(catalog.Russian)},
		{"providers.md", "providers", providersPage(catalog.English)},
		{"providers.ru.md", "providers", providersPage(catalog.Russian)},
		{"topics.md", "topics", topicsPage(catalog.English)},
		{"topics.ru.md", "topics", topicsPage(catalog.Russian)},
		{"mail-settings.md", "mail settings", mailSettingsPage(catalog.English)},
		{"mail-settings.ru.md", "mail settings", mailSettingsPage(catalog.Russian)},
		{"problems.md", "problems", problemsPage(catalog.English)},
		{"problems.ru.md", "problems", problemsPage(catalog.Russian)},
		{"blocklists.md", "blocklists", blocklistsPage(catalog.English)},
		{"blocklists.ru.md", "blocklists", blocklistsPage(catalog.Russian)},
		{"alerts.md", "alerts", alertsPage(t, catalog.English)},
		{"alerts.ru.md", "alerts", alertsPage(t, catalog.Russian)},
	} {
		t.Run(c.file+" "+c.section, func(t *testing.T) {
			old, err := os.ReadFile(c.file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := replaceSection(string(old), c.section, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if text == string(old) {
				return
			}
			if !*update {
				t.Fatalf("%s: the section %s is not what the code says; run: make docs", c.file, c.section)
			}
			if err := os.WriteFile(c.file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// replaceSection puts text between the marks of a section.
func replaceSection(doc, section, text string) (string, error) {
	begin, end := "<!-- "+section+": made from the code by `make docs` -->\n", "<!-- end of "+section+" -->"
	before, rest, ok := strings.Cut(doc, begin)
	if !ok {
		return "", fmt.Errorf("no mark %q", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no mark %q", end)
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}

// What README.ru.md says of checks and metrics for what README.md says; HELP of metrics is in helpFile.
var (
	checksHead = catalog.Text{
		EN: "| check | asked of | every | at least | asks | from |\n",
		RU: "| проверка | о чём | как часто | не чаще | что выясняет | источник |\n",
	}
	metricsHead = catalog.Text{EN: "| metric | labels | meaning |\n", RU: "| метрика | метки | смысл |\n"}
	ownMetrics  = catalog.Text{EN: "**targets, and the exporter itself**", RU: "**цели и сам экспортёр**"}
	usual       = catalog.Text{EN: "`go_*`, `process_*` and `promhttp_*` are there as usual.", RU: "`go_*`, `process_*` и `promhttp_*` есть, как обычно."}

	asksInRussian = map[string]string{
		"smtp":      "Отвечает ли сервер нам на каждом адресе, какими ответами, и в порядке ли его TLS?",
		"recipient": "Принял бы сервер письмо для указанного получателя? Выясняется командами MAIL и RCPT, письмо не отправляется.",
		"auth":      "Может ли указанный пользователь войти? Проверяется через TLS с проверенным сертификатом и после отказа не повторяется.",
		"relay":     "Принял бы сервер письмо от кого угодно кому угодно? Раз в сутки и только там, где владелец указал, что и сервер, и оба адреса его.",
		"dane":      "Подходит ли сертификат на каждом адресе к записям TLSA сервера?",
		"rdns":      "Есть ли у адреса имя, которое ведёт обратно к нему, и называет ли себя сервер таким именем?",
		"mx":        "Какие серверы принимают почту домена и можно ли доставить её каждому из них?",
		"spf":       "Ровно ли одна у домена запись SPF, без ошибок, в пределах ограничений, и разрешает ли она отправлять его отправителям и никому больше?",
		"dkim":      "На месте ли ключ каждого указанного селектора и могут ли получатели им пользоваться?",
		"dmarc":     "Находят ли получатели запись DMARC домена, что она им говорит, могут ли письма пройти проверку, а отчёты дойти?",
		"dnssec":    "Можно ли проверить записи MX домена с помощью DNSSEC?",
		"mta_sts":   "Есть ли политика, которая обязывает отправителей шифровать, могут ли они её получить, и названы ли в ней все серверы MX?",
		"tls_rpt":   "Сообщают ли отправители домену, когда не могут зашифровать почту для него?",
		"bimi":      "Предлагает ли домен логотип, и годится ли запись о нём?",
		"bulk":      "Выполняет ли домен то, чего Google, Yahoo и Microsoft требуют от тех, кто рассылает много, насколько это видно снаружи?",
		"dnsbl":     "В каких чёрных списках стоят адреса и имена, и можно ли верить каждому из списков?",
		"vantage":   "Годится ли эта машина, чтобы судить с неё о почтовых серверах и чёрных списках?",
	}
)

func checksTable(t *testing.T, lang catalog.Lang) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(checksHead.In(lang) + "|---|---|---|---|---|---|\n")
	for _, c := range checks.All {
		spec, _ := targets.CheckByName(c.Name)
		kinds := make([]string, len(spec.Kinds))
		for i, k := range spec.Kinds {
			kinds[i] = string(k)
		}
		asks := c.Help
		if lang == catalog.Russian {
			if asks = asksInRussian[c.Name]; asks == "" {
				t.Errorf("what the check %s asks is not said in Russian: say it in asksInRussian", c.Name)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", c.Name, strings.Join(kinds, ", "), duration(spec.Interval), duration(spec.Least), cell(asks), cell(c.Ref))
	}
	return b.String()
}

// helpFile has for each metric its name, its HELP, and that in Russian, one to a line.
const helpFile = "testdata/help.ru.txt"

// helpInRussian returns HELP in Russian, by metric. It is wrong where HELP has changed since.
func helpInRussian(t *testing.T) func(*checks.Metric) string {
	t.Helper()
	said := map[string][2]string{}
	lines := strings.Split(strings.TrimSpace(read(t, helpFile)), "\n")
	if len(lines)%3 != 0 {
		t.Fatalf("docs/%s is not in lines of three", helpFile)
	}
	for three := range slices.Chunk(lines, 3) {
		said[three[0]] = [2]string{strings.TrimSpace(three[1]), strings.TrimSpace(three[2])}
	}
	return func(m *checks.Metric) string {
		if said[m.Name][0] != m.Help {
			t.Errorf("docs/%s does not say in Russian: %s\n  %s", helpFile, m.Name, m.Help)
		}
		return said[m.Name][1]
	}
}

func metricsTables(t *testing.T, lang catalog.Lang) string {
	t.Helper()
	help := func(m *checks.Metric) string { return m.Help }
	if lang == catalog.Russian {
		help = helpInRussian(t)
	}
	var b strings.Builder
	write := func(m *checks.Metric) {
		labels := slices.Clone(m.Labels)
		if !m.Global {
			labels = append([]string{"target"}, labels...)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, strings.Join(labels, ", "), cell(help(m)))
	}
	for _, c := range checks.All {
		fmt.Fprintf(&b, "**%s**\n\n%s|---|---|---|\n", c.Name, metricsHead.In(lang))
		for _, m := range c.Metrics {
			write(m)
		}
		b.WriteString("\n")
	}
	b.WriteString(ownMetrics.In(lang) + "\n\n" + metricsHead.In(lang) + "|---|---|---|\n")
	for _, m := range collector.OwnMetrics() {
		write(m)
	}
	b.WriteString("\n" + usual.In(lang) + "\n")
	return b.String()
}

// blocklistsTable is the short table of lists that can be asked; docs/blocklists.md tells all of each.
func blocklistsTable() string {
	return made(catalog.English, func(p *page) {
		p.f("| id | zone | asked about | groups | needs |\n|---|---|---|---|---|\n")
		for _, l := range catalog.Default().Blocklists() {
			if l.Dead == nil {
				p.f("| [`%s`](blocklists.md#%s) | %s | %s | %s | %s |\n", l.ID, l.ID, l.Zone, strings.Join(l.Kinds, ", "), strings.Join(l.Groups, ", "), p.needs(l))
			}
		}
	})
}

// cell makes text fit into a table's cell.
func cell(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`) }

func duration(d time.Duration) string { return model.Duration(d).String() }
