package docs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A page is a document made from the catalogue in one language. Every entry is a section whose anchor is its id, to
// which runbook_url leads, and which therefore stays.
type page struct {
	strings.Builder
	lang     catalog.Lang
	settings string // The page that says where settings are in mail programs; "" for this one.
}

// suffix tells the pages of a language apart by their names.
func (p *page) suffix() string {
	if p.lang == catalog.Russian {
		return ".ru"
	}
	return ""
}

// made is what write puts onto a page.
func made(lang catalog.Lang, write func(*page)) string {
	p := &page{lang: lang}
	write(p)
	return strings.TrimRight(p.String(), "\n") + "\n"
}

// labels are the words between the catalogue's texts.
var labels = map[string]catalog.Text{
	"causes":     {EN: "What usually causes it", RU: "Что обычно к этому приводит"},
	"remedies":   {EN: "What to do", RU: "Что делать"},
	"publish":    {EN: "The record to publish, for example", RU: "Запись для публикации, например"},
	"references": {EN: "References", RU: "Источники"},
	"programs":   {EN: "In mail programs", RU: "В почтовых программах"},
	"actor":      {EN: "Who can act", RU: "Кто может помочь"},
	"retry":      {EN: "Send again", RU: "Отправить ещё раз"},

	"sender":    {EN: "the sender", RU: "отправитель"},
	"recipient": {EN: "the recipient", RU: "получатель"},
	"provider":  {EN: "the operator of the server that answered", RU: "владелец сервера, который ответил"},
	"network":   {EN: "the operator of the network between", RU: "тот, кто отвечает за сеть между ними"},
	"yes":       {EN: "yes, in a few minutes", RU: "да, через несколько минут"},
	"no":        {EN: "no, not before something was changed", RU: "нет, пока что-то не изменено"},
	"later":     {EN: "later, a mail server does so by itself", RU: "позже, почтовый сервер повторит сам"},

	"reading":    {EN: "How a reply is read", RU: "Как читается ответ"},
	"first":      {EN: "first digit", RU: "первая цифра"},
	"second":     {EN: "second digit", RU: "вторая цифра"},
	"subject":    {EN: "subject, the second number", RU: "предмет, второе число"},
	"means":      {EN: "means", RU: "значит"},
	"codes":      {EN: "Codes of three digits", RU: "Трёхзначные коды"},
	"enhanced":   {EN: "Enhanced codes", RU: "Расширенные коды"},
	"generic":    {EN: "Replies by their words, whoever answers", RU: "Ответы по их словам, кто бы ни ответил"},
	"providers":  {EN: "Replies of providers", RU: "Ответы провайдеров"},
	"conditions": {EN: "What is no reply", RU: "Что не является ответом"},
	"settings":   {EN: "Where settings are in mail programs", RU: "Где настройки в почтовых программах"},
	"code":       {EN: "code", RU: "код"},
	"says":       {EN: "says", RU: "смысл"},
	"matches":    {EN: "Replies", RU: "Ответы"},
	"words":      {EN: "with words such as", RU: "со словами вроде"},
	"lookedFor":  {EN: "Also looked for as", RU: "Ищут также как"},
	"andMore":    {EN: "and others", RU: "и другие"},
	"contents":   {EN: "Contents", RU: "Содержание"},

	"belongs":            {EN: "Problems and replies that belong to it", RU: "Связанные проблемы и ответы"},
	"see":                {EN: "See also", RU: "Смотрите также"},
	"provider_":          {EN: "provider", RU: "служба"},
	"protocol":           {EN: "protocol", RU: "протокол"},
	"server":             {EN: "server", RU: "сервер"},
	"port":               {EN: "port", RU: "порт"},
	"encryption":         {EN: "encryption", RU: "шифрование"},
	"user":               {EN: "User name", RU: "Имя пользователя"},
	"password":           {EN: "Password", RU: "Пароль"},
	"before":             {EN: "Before that", RU: "До этого"},
	"limits":             {EN: "Limits", RU: "Лимиты"},
	"checked":            {EN: "Compared", RU: "Сверено"},
	"checkedBy_provider": {EN: "with what the provider publishes", RU: "с тем, что публикует служба"},
	"checkedBy_others":   {EN: "with what several others publish; the provider's page is", RU: "с несколькими независимыми описаниями; страница службы"},

	"problem":  {EN: "problem", RU: "проблема"},
	"severity": {EN: "severity", RU: "важность"},
	"who":      {EN: "Who can mend it", RU: "Кто может исправить"},
	"when":     {EN: "When it is another", RU: "Когда другая"},
	"found":    {EN: "found", RU: "находит"},
	"notYet":   {EN: "no check yet", RU: "пока ни одна проверка"},
	"by":       {EN: "by", RU: ""},

	"zone":          {EN: "zone", RU: "зона"},
	"zoneLabel":     {EN: "Zone", RU: "Зона"},
	"kinds":         {EN: "asked about", RU: "о чём спрашивают"},
	"kindsLabel":    {EN: "Asked about", RU: "О чём спрашивают"},
	"groups":        {EN: "groups", RU: "группы"},
	"groupsLabel":   {EN: "Groups", RU: "Группы"},
	"needs":         {EN: "needs", RU: "требует"},
	"key":           {EN: "a key", RU: "ключ"},
	"registration":  {EN: "registration", RU: "регистрация"},
	"keyed":         {EN: "With a key", RU: "С ключом"},
	"registerAt":    {EN: "The resolver has to be registered first", RU: "Сначала нужно зарегистрировать DNS-сервер"},
	"queries":       {EN: "Queries a day that are allowed", RU: "Разрешено запросов в сутки"},
	"scope":         {EN: "One listing hits", RU: "Одна запись касается"},
	"address":       {EN: "one address", RU: "одного адреса"},
	"range":         {EN: "a range of addresses", RU: "диапазона адресов"},
	"scopeProvider": {EN: "all addresses of a provider", RU: "всех адресов провайдера"},
	"domain":        {EN: "a domain", RU: "домена"},
	"answer":        {EN: "answer", RU: "ответ"},
	"meaning":       {EN: "meaning", RU: "значение"},
	"bit":           {EN: "bit", RU: "бит"},
	"good":          {EN: "good", RU: "хороший отзыв"},
	"nonMTA":        {EN: "for an address that does not send", RU: "для адреса, который не отправляет"},
	"refusals":      {EN: "Answers by which it refuses to serve, beside 127.255.255.0/24", RU: "Ответы, которыми он отказывает в обслуживании, кроме 127.255.255.0/24"},
	"testPoints":    {EN: "Test points", RU: "Проверочные точки"},
	"mustList":      {EN: "has to be listed", RU: "должен быть в списке"},
	"mustNotList":   {EN: "must not be listed", RU: "не должен быть в списке"},
	"usual":         {EN: "those of RFC 5782 section 5", RU: "как в RFC 5782, раздел 5"},
	"none":          {EN: "none", RU: "нет"},
	"terms":         {EN: "Terms", RU: "Условия"},
	"removal":       {EN: "How to get off it", RU: "Как из него выйти"},
	"dead":          {EN: "Dead lists", RU: "Списки, которых больше нет"},
	"living":        {EN: "Blocklists", RU: "Чёрные списки"},
	"whitelists":    {EN: "Lists that say a good word", RU: "Белые списки"},
	"since":         {EN: "dead since", RU: "не работает с"},
	"gone":          {EN: "dead", RU: "не работает"},

	"alert":      {EN: "alert", RU: "оповещение"},
	"for":        {EN: "for", RU: "выдержка (for)"},
	"keep":       {EN: "keeps firing for", RU: "держится (keep_firing_for)"},
	"ofProblem":  {EN: "the problem's", RU: "как у проблемы"},
	"ownAlerts":  {EN: "Alerts that no problem explains", RU: "Оповещения, которых не объясняет ни одна проблема"},
	"thresholds": {EN: "What may be set", RU: "Что можно настроить"},
	"name":       {EN: "name", RU: "имя"},
	"default":    {EN: "default", RU: "по умолчанию"},
}

// label is one of labels in the page's language.
func (p *page) label(name string) string {
	t, ok := labels[name]
	if !ok {
		panic("no label " + name)
	}
	return t.In(p.lang)
}

func (p *page) f(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// text is a text of the catalogue fit for Markdown.
func (p *page) text(t catalog.Text) string { return markdown(t.In(p.lang)) }

// section begins a part of the page.
func (p *page) section(name string) { p.f("## <a id=\"%s\"></a>%s\n\n", name, p.label(name)) }

// entry begins an entry.
func (p *page) entry(id, title string) { p.f("### <a id=\"%s\"></a>%s\n\n", id, title) }

// tableHead begins a table whose columns are labels.
func (p *page) tableHead(columns ...string) {
	for i, c := range columns {
		columns[i] = p.label(c)
	}
	p.f("| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
}

// advice writes meaning, causes and remedies.
func (p *page) advice(a *catalog.Advice) {
	p.f("%s\n\n", p.text(a.Meaning))
	p.help(a.Causes, p.examples(a.Remedies, a.Example))
	if r, ok := a.Example.Record(); ok {
		p.f("%s: %s\n\n", p.label("publish"), code(r.Name+" "+r.Type+" "+r.Data))
	}
	if len(a.Programs) > 0 {
		var links []string
		for _, id := range a.Programs {
			if s := catalog.Default().SettingByID(id); s != nil {
				links = append(links, fmt.Sprintf("[%s](%s#setting_%s)", p.text(s.Title), p.settings, id))
			}
		}
		p.f("%s: %s.\n\n", p.label("programs"), strings.Join(links, ", "))
	}
}

// examples are remedies with example values, those of own in place of the general ones.
func (p *page) examples(list []catalog.Remedy, own catalog.Values) (out []string) {
	for _, s := range catalog.FillRemedies(list, p.lang, catalog.ExampleValues(own)) {
		out = append(out, markdown(s))
	}
	return out
}

// texts are texts of the catalogue fit for Markdown.
func (p *page) texts(list []catalog.Text) (out []string) {
	for _, t := range list {
		out = append(out, p.text(t))
	}
	return out
}

func (p *page) help(causes []catalog.Text, remedies []string) {
	if len(causes) > 0 {
		p.f("**%s**\n\n", p.label("causes"))
		for _, t := range causes {
			p.f("- %s\n", p.text(t))
		}
		p.f("\n")
	}
	if len(remedies) > 0 {
		p.f("**%s**\n\n", p.label("remedies"))
		for i, s := range remedies {
			p.f("%d. %s\n", i+1, s)
		}
		p.f("\n")
	}
}

// verdict writes what programs and people conclude.
func (p *page) verdict(v catalog.Verdict) {
	if v.Cause != catalog.CauseOK {
		p.f("%s: %s. %s: %s. ", p.label("actor"), p.label(string(v.Actor)), p.label("retry"), p.label(string(v.Retry)))
	}
	p.f("`cause=\"%s\"`\n\n", v.Cause)
}

var rfc = regexp.MustCompile(`^RFC (\d+)(?: (section|appendix) ([0-9A-Z.]+))?$`)

// references writes where an entry's facts stand, as links where there is a page.
func (p *page) references(refs []string) {
	if len(refs) == 0 {
		return
	}
	links := make([]string, len(refs))
	for i, r := range refs {
		links[i] = r
		switch m := rfc.FindStringSubmatch(r); {
		case m != nil && m[2] == "":
			links[i] = fmt.Sprintf("[%s](https://www.rfc-editor.org/rfc/rfc%s)", r, m[1])
		case m != nil:
			links[i] = fmt.Sprintf("[%s](https://www.rfc-editor.org/rfc/rfc%s#%s-%s)", r, m[1], m[2], m[3])
		case strings.HasPrefix(r, "http"):
			links[i] = "<" + r + ">"
		}
	}
	p.f("%s: %s\n\n", p.label("references"), strings.Join(links, ", "))
}

var (
	literal = regexp.MustCompile("`[^`]*`|https?://[^\\s,;()]+")
	special = regexp.MustCompile(`[\\*_<>\[\]#]`)
)

// markdown escapes what Markdown would take for its own, but for code between backticks and addresses of pages.
func markdown(s string) string {
	var b strings.Builder
	end := 0
	for _, m := range literal.FindAllStringIndex(s, -1) {
		b.WriteString(special.ReplaceAllString(s[end:m[0]], `\$0`))
		b.WriteString(s[m[0]:m[1]])
		end = m[1]
	}
	b.WriteString(special.ReplaceAllString(s[end:], `\$0`))
	return b.String()
}

// code is s as code; "" stays.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func codeList(s []string) string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = code(s[i])
	}
	return strings.Join(out, ", ")
}

// sorted are the keys of a map in their order, numbers as numbers.
func sorted[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX == nil && errY == nil {
			return x - y
		}
		return strings.Compare(a, b)
	})
}
