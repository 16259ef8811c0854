package dashboards

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// ErrOptions says that Options ask for something that cannot be made. Its wrappers say what could.
var ErrOptions = errors.New("dashboards")

// A pace is how long something has to be wrong before it is told (for), and how long it stays told after it was last seen
// wrong (keep_firing_for). They answer the flapping of what is watched: a fault is told once it was seen by two runs of its
// check, and is over once two runs have not seen it.
type pace struct{ wait, keep time.Duration }

// settings are the thresholds of all rules, each once.
type settings struct {
	server, deferred, recipient, putOff, records, policies, listings, vantage, lists pace

	exporter                                 pace
	greylistedFor, changedFor                time.Duration
	staleAfter, lag, running                 time.Duration
	certificateWarning, certificateCritical  time.Duration
	warningShare, criticalShare              float64 // Of a certificate's life.
	ownThresholds                            bool    // One of these four was set to something else: see Deprecated.
	listedLists, lookupsNear, timeScale      float64
	replicaLabels, alertLabels               []string
	groupWait, groupInterval, repeatInterval time.Duration // Of alertmanager.yml.
	scrapeInterval, evaluationInterval       time.Duration // Of prometheus.yml.
}

// A Setting is one threshold that Options.Set may change.
type Setting struct {
	Name    string
	Default string
	Help    catalog.Text // A line without a full stop.

	value       any     // *time.Duration, *float64 or *[]string: where it is kept.
	least, most float64 // Of a number; the least of a time, in seconds, and of labels, how many.
}

// Settings returns everything that may be set, in the order of the documentation.
func Settings() []Setting { return new(settings).table() }

// year is more than any threshold can mean.
const year = 365 * 24 * time.Hour

func (s *settings) table() []Setting {
	type text = catalog.Text
	return []Setting{
		{"for_server", "10m", text{EN: "How long a server has to be at fault; check smtp runs every 5m", RU: "Сколько сервер должен быть неисправен; проверка smtp идёт каждые 5m"}, &s.server.wait, 0, 0},
		{"keep_server", "10m", text{EN: "How long a server has to be well before its alert ends", RU: "Сколько сервер должен работать, чтобы оповещение закончилось"}, &s.server.keep, 0, 0},
		{"for_deferred", "30m", text{EN: "How long a server has to put everybody off at the greeting: greylisting and restarts pass sooner", RU: "Сколько сервер должен откладывать всех при приветствии: серый список и перезапуск проходят быстрее"}, &s.deferred.wait, 0, 0},
		{"keep_deferred", "30m", text{EN: "How long it has to let us in before its alert ends", RU: "Сколько он должен впускать, чтобы оповещение закончилось"}, &s.deferred.keep, 0, 0},
		{"for_recipient", "0s", text{EN: "How long the recipient, login or relay test has to fail; these checks run every hour or day", RU: "Сколько должна не проходить проверка получателя, входа или пересылки; они идут раз в час или в день"}, &s.recipient.wait, 0, 0},
		{"keep_recipient", "90m", text{EN: "How long it has to pass before its alert ends", RU: "Сколько она должна проходить, чтобы оповещение закончилось"}, &s.recipient.keep, 0, 0},
		{"for_put_off", "2h", text{EN: "How long recipient or login have to be put off, which is what a first try may get", RU: "Сколько получателя или вход должны откладывать: с первой попытки так бывает"}, &s.putOff.wait, 0, 0},
		{"keep_put_off", "2h", text{EN: "How long they have to be let in before the alert ends", RU: "Сколько их должны принимать, чтобы оповещение закончилось"}, &s.putOff.keep, 0, 0},
		{"for_records", "30m", text{EN: "How long a record has to be wrong: name servers disagree while a change spreads; checks run every 15m", RU: "Сколько запись должна быть неверной: пока правка расходится, серверы имён отвечают по-разному; проверки идут каждые 15m"}, &s.records.wait, 0, 0},
		{"keep_records", "30m", text{EN: "How long it has to be right before its alert ends", RU: "Сколько она должна быть верной, чтобы оповещение закончилось"}, &s.records.keep, 0, 0},
		{"for_policies", "90m", text{EN: "The same for what is looked at every hour: MTA-STS, TLS-RPT, BIMI, demands of large receivers", RU: "То же для того, что проверяется раз в час: MTA-STS, TLS-RPT, BIMI, требования крупных получателей"}, &s.policies.wait, 0, 0},
		{"keep_policies", "90m", text{EN: "How long it has to be right before its alert ends", RU: "Сколько оно должно быть верным, чтобы оповещение закончилось"}, &s.policies.keep, 0, 0},
		{"for_listings", "0s", text{EN: "How long a subject has to be listed; the exporter has made sure of the list before it says so", RU: "Сколько адрес или домен должен быть в списке; экспортёр уже убедился, что списку можно верить"}, &s.listings.wait, 0, 0},
		{"keep_listings", "2h", text{EN: "How long it has to be off the list before its alert ends: lists forget and list again", RU: "Сколько его там не должно быть, чтобы оповещение закончилось: списки забывают и вносят снова"}, &s.listings.keep, 0, 0},
		{"for_lists", "1h", text{EN: "How long a blocklist has to refuse us or be sick: outages of lists are short", RU: "Сколько чёрный список должен отказывать нам или быть неисправен: сбои у списков короткие"}, &s.lists.wait, 0, 0},
		{"keep_lists", "1h", text{EN: "How long it has to be well before its alert ends", RU: "Сколько он должен работать, чтобы оповещение закончилось"}, &s.lists.keep, 0, 0},
		{"for_vantage", "10m", text{EN: "How long the exporter's own machine has to be at fault; check vantage runs every 5m", RU: "Сколько должна быть неисправна машина самого экспортёра; проверка vantage идёт каждые 5m"}, &s.vantage.wait, 0, 0},
		{"keep_vantage", "10m", text{EN: "How long it has to be well before its alert ends", RU: "Сколько она должна работать, чтобы оповещение закончилось"}, &s.vantage.keep, 0, 0},
		{"for_exporter", "10m", text{EN: "How long the exporter itself has to be down, late or idle", RU: "Сколько сам экспортёр должен не работать, опаздывать или простаивать"}, &s.exporter.wait, 0, 0},
		{"keep_exporter", "5m", text{EN: "How long it has to be well before its alert ends", RU: "Сколько он должен работать, чтобы оповещение закончилось"}, &s.exporter.keep, 0, 0},
		{"greylisted_for", "6h", text{EN: "How long a recipient may be greylisted before somebody is told", RU: "Сколько получатель может оставаться в сером списке, прежде чем об этом сообщат"}, &s.greylistedFor, 0, 0},
		{"changed_for", "1h", text{EN: "How long a changed record is shown as an alert", RU: "Сколько изменённая запись видна как оповещение"}, &s.changedFor, 60, 0},
		{"stale_after", "1d", text{EN: "Age of a verdict that nobody should rely on any more, or three intervals of its check, whichever is longer", RU: "Возраст вердикта, на который больше не стоит полагаться, или три интервала его проверки, смотря что больше"}, &s.staleAfter, 3600, 0},
		{"lag", "5m", text{EN: "How late rounds may begin", RU: "Насколько проверки могут опаздывать"}, &s.lag, 1, 0},
		{"running", "30m", text{EN: "How long no check at all may have run", RU: "Сколько может не идти ни одна проверка"}, &s.running, 300, 0},
		{"certificate_warning", "21d", text{EN: "Deprecated, see `certificate` in exporter.yml: time left of a certificate that should have been renewed", RU: "Устарело, есть `certificate` в exporter.yml: остаток срока сертификата, который уже должен был обновиться"}, &s.certificateWarning, 3600, 0},
		{"certificate_warning_share", "0.25", text{EN: "Deprecated: share of its life, if that is less: certificates of a week are renewed within days", RU: "Устарело: доля его срока, если она меньше: недельные сертификаты обновляют за считаные дни"}, &s.warningShare, 0, 1},
		{"certificate_critical", "7d", text{EN: "Deprecated: time left of a certificate at which somebody is woken where mail depends on it", RU: "Устарело: остаток срока, при котором будят, если от сертификата зависит почта"}, &s.certificateCritical, 3600, 0},
		{"certificate_critical_share", "0.1", text{EN: "Deprecated: share of its life, if that is less", RU: "Устарело: доля его срока, если она меньше"}, &s.criticalShare, 0, 1},
		{"listed_lists", "3", text{EN: "On how many lists at once a subject is in deep trouble", RU: "Сколько чёрных списков сразу — большая беда"}, &s.listedLists, 2, 100},
		{"lookups_near", "8", text{EN: "Lookups of an SPF record at which the limit of 10 is near", RU: "Число запросов SPF-записи, при котором предел в 10 близок"}, &s.lookupsNear, 1, 10},
		{"time_scale", "1", text{EN: "What every for_, keep_ and greylisted_for is multiplied with: 0.01 to try the rules out", RU: "На что умножаются все for_, keep_ и greylisted_for: 0.01, чтобы попробовать правила"}, &s.timeScale, 0, 100},
		{"replica_labels", "job,instance,pod,container,endpoint,service,namespace,node", text{EN: "Labels that say who scraped whom, instance among them; what they tell apart is one fault", RU: "Метки, которые говорят, кто кого опрашивал, в том числе instance; различие в них не делает из одной неисправности две"}, &s.replicaLabels, 1, 0},
		{"alert_labels", "", text{EN: "Target labels that alerts carry for routing: those of alert_labels in exporter.yml", RU: "Метки целей, которые нужны для маршрутов: те же, что в alert_labels в exporter.yml"}, &s.alertLabels, 0, 0},
		{"group_wait", "30s", text{EN: "In alertmanager.yml: how long the first notification waits for more of its kind", RU: "В alertmanager.yml: сколько первое уведомление ждёт других того же рода"}, &s.groupWait, 0, 0},
		{"group_interval", "5m", text{EN: "In alertmanager.yml: how often a notification may be followed by what has come or gone since", RU: "В alertmanager.yml: как часто сообщать о том, что с тех пор появилось и прошло"}, &s.groupInterval, 1, 0},
		{"repeat_interval", "12h", text{EN: "In alertmanager.yml: how often what stands is told again", RU: "В alertmanager.yml: как часто напоминать о том, что не прошло"}, &s.repeatInterval, 1, 0},
		{"scrape_interval", "30s", text{EN: "In prometheus.yml: how often the exporter is scraped, which never probes", RU: "В prometheus.yml: как часто опрашивать экспортёр; сам опрос ничего не проверяет"}, &s.scrapeInterval, 1, 0},
		{"evaluation_interval", "30s", text{EN: "In prometheus.yml: how often rules are evaluated", RU: "В prometheus.yml: как часто вычислять правила"}, &s.evaluationInterval, 1, 0},
	}
}

// settingsOf returns the defaults with what an operator set. The error names every setting that does not exist or has an
// impossible value.
func settingsOf(set map[string]string) (*settings, error) {
	s := &settings{}
	var names []string
	var errs []error
	for _, one := range s.table() {
		names = append(names, one.Name)
		text, given := set[one.Name]
		if !given {
			text = one.Default
		}
		if err := one.parse(text); err != nil {
			errs = append(errs, fmt.Errorf("%w: set %s=%s: %w", ErrOptions, one.Name, text, err))
		}
	}
	for _, one := range s.table() {
		text, given := set[one.Name]
		s.ownThresholds = s.ownThresholds || given && text != one.Default && strings.HasPrefix(one.Name, deprecatedPrefix)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("%w: there is nothing called %s to set; there are %s", ErrOptions, name, strings.Join(names, ", ")))
		}
	}
	errs = append(errs, notOurs("alert_labels", s.alertLabels, slices.Concat(ownLabels, []string{"job", "instance"})), notOurs("replica_labels", s.replicaLabels, ownLabels), s.apart())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, p := range []*pace{&s.server, &s.deferred, &s.recipient, &s.putOff, &s.records, &s.policies, &s.listings, &s.lists, &s.vantage, &s.exporter} {
		p.wait, p.keep = s.scaled(p.wait), s.scaled(p.keep)
	}
	s.greylistedFor = s.scaled(s.greylistedFor)
	return s, nil
}

// deprecatedPrefix begins the names of settings that went to exporter.yml.
const deprecatedPrefix = "certificate_"

// Deprecated says which settings are deprecated and what takes their place, a sentence each. They are honoured for one MINOR.
func Deprecated(set map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if key, ok := strings.CutPrefix(name, deprecatedPrefix); ok {
			out = append(out, fmt.Sprintf("--set %s is deprecated and will be gone in the next minor version: where it differs from the default, "+
				"the rules judge certificates by it, and not as check and the exporter's pages do; set certificate.%s in exporter.yml instead", name, key))
		}
	}
	return out
}

// ownLabels are those by which rules tell one fault from another.
var ownLabels = []string{"alertname", "target", "check", "problem", "severity", "subject", "list", "record", "name", "test", "file"}

// notOurs says which labels of a setting have a meaning in the rules that it would change.
func notOurs(setting string, labels, ours []string) error {
	for _, l := range labels {
		if slices.Contains(ours, l) {
			return fmt.Errorf("%w: set %s: the rules need the label %s themselves", ErrOptions, setting, l)
		}
	}
	return nil
}

// apart says what is wrong with the labels of replicas and of routes together.
func (s *settings) apart() error {
	if len(s.replicaLabels) > 0 && !slices.Contains(s.replicaLabels, "instance") {
		return fmt.Errorf("%w: set replica_labels: want instance among them, or each exporter's view of a fault is an alert of its own", ErrOptions)
	}
	for _, l := range s.alertLabels {
		if slices.Contains(s.replicaLabels, l) {
			return fmt.Errorf("%w: set alert_labels: the rules take the label %s away, for it is one of replica_labels; set these without it", ErrOptions, l)
		}
	}
	return nil
}

// scaled is a time by the clock of whoever tries the rules out.
func (s *settings) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.timeScale).Round(time.Millisecond)
}

// parse reads the value of a setting.
func (s *Setting) parse(text string) (err error) {
	switch v := s.value.(type) {
	case *time.Duration:
		if *v, err = parseDuration(text); err == nil && v.Seconds() < s.least {
			err = fmt.Errorf("want at least %s", promDuration(time.Duration(s.least)*time.Second))
		}
	case *float64:
		if *v, err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(*v) || *v < s.least || *v > s.most {
			err = fmt.Errorf("want a number from %g to %g, as %s", s.least, s.most, s.Default)
		}
	case *[]string:
		if *v, err = parseLabels(text); err == nil && len(*v) < int(s.least) {
			err = fmt.Errorf("want at least one label, as %s", s.Default)
		}
	}
	return err
}

// durationForm is how Prometheus writes a time: 1d12h, 90m, 0s.
var durationForm = regexp.MustCompile(`^(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?$`)

func parseDuration(text string) (time.Duration, error) {
	var sum time.Duration
	found := durationForm.FindStringSubmatch(text)
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if found != nil && found[i+1] != "" {
			n, _ := strconv.Atoi(found[i+1]) // Digits, and few.
			sum += time.Duration(n) * unit
		}
	}
	if found == nil || text == "" || sum > year {
		return 0, errors.New("want a time of at most a year, as 10m or 1d12h")
	}
	return sum, nil
}

// promDuration writes a time as Prometheus reads it.
func promDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	return b.String()
}

var labelForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func parseLabels(text string) ([]string, error) {
	var labels []string
	for l := range strings.SplitSeq(text, ",") {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		if !labelForm.MatchString(l) {
			return nil, fmt.Errorf("%q is not the name of a label", l)
		}
		if slices.Contains(labels, l) {
			return nil, fmt.Errorf("the label %s is there twice", l)
		}
		labels = append(labels, l)
	}
	return labels, nil
}

// matcher is one matcher of PromQL. What would end a template or a raw string has no place in it.
const matcher = `\s*[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=|!=|=~|!~)\s*"(?:[^"\\{}%` + "`" + `\n]|\\["\\])*"\s*`

var selectorForm = regexp.MustCompile(`^(?:` + matcher + `(?:,` + matcher + `)*)?$`)

// parseSelector reads Options.JobSelector.
func parseSelector(text string) (string, error) {
	if !selectorForm.MatchString(text) {
		return "", fmt.Errorf("%w: job selector %s: want matchers of PromQL without braces, as job=\"mailprobe\"", ErrOptions, text)
	}
	return strings.TrimSpace(text), nil
}
