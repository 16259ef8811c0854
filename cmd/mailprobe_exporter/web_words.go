package main

import (
	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// pageWords are what the pages say around the catalogue's texts, in both languages.
var pageWords = map[string]catalog.Text{
	"targets":         {EN: "Targets", RU: "Цели"},
	"explain":         {EN: "Explain a reply", RU: "Объяснить ответ"},
	"problems":        {EN: "Problems", RU: "Проблемы"},
	"metrics":         {EN: "Metrics", RU: "Метрики"},
	"configuration":   {EN: "Configuration", RU: "Конфигурация"},
	"to_content":      {EN: "To the content", RU: "К содержанию"},
	"sections":        {EN: "Sections", RU: "Разделы"},
	"too_long":        {EN: "That is more than 1 MiB. Paste the part in which the servers' replies stand.", RU: "Это больше 1 МиБ. Вставьте ту часть, где стоят ответы серверов."},
	"being_asked":     {EN: "The target is being asked now. Reload the page in a few seconds.", RU: "Цель сейчас опрашивается. Обновите страницу через несколько секунд."},
	"too_soon":        {EN: "The target was asked less than a minute ago, and is not asked again so soon.", RU: "Цель опрошена меньше минуты назад, так скоро её снова не опрашивают."},
	"not_asked":       {EN: "Nothing to ask, or not yet", RU: "Спрашивать нечего или ещё не время"},
	"failed":          {EN: "failed", RU: "сбой"},
	"lookups":         {EN: "DNS lookups: %d of the %d allowed", RU: "Запросов к DNS: %d из %d разрешённых"},
	"voids":           {EN: "Without an answer: %d of the %d allowed", RU: "Из них без ответа: %d из %d разрешённых"},
	"other_lang":      {EN: "По-русски", RU: "In English"},
	"as_of":           {EN: "as of", RU: "на"},
	"search":          {EN: "Search", RU: "Поиск"},
	"kind":            {EN: "Kind", RU: "Вид"},
	"state":           {EN: "State", RU: "Состояние"},
	"all":             {EN: "all", RU: "все"},
	"filter":          {EN: "Show", RU: "Показать"},
	"target":          {EN: "Target", RU: "Цель"},
	"worst":           {EN: "Worst problem", RU: "Главная проблема"},
	"last_run":        {EN: "Last asked", RU: "Опрошена"},
	"next_run":        {EN: "Next", RU: "Следующий опрос"},
	"foreign":         {EN: "a provider's", RU: "сервер провайдера"},
	"by_mx":           {EN: "found by MX", RU: "из MX-записи"},
	"no_targets":      {EN: "No target is like that.", RU: "Таких целей нет."},
	"hidden":          {EN: "%d more are not shown; the filter finds them.", RU: "Ещё %d не показаны; их найдёт фильтр."},
	"probe_now":       {EN: "Probe now", RU: "Проверить сейчас"},
	"related":         {EN: "Related", RU: "Связано с"},
	"accepted":        {EN: "Known and accepted", RU: "Известно и принято"},
	"remedies":        words.remedies,
	"publish":         words.publish,
	"no_problems":     {EN: "No problem stands.", RU: "Проблем нет."},
	"dialogue":        {EN: "The last dialogue", RU: "Последний диалог"},
	"listings":        {EN: "Blocklists", RU: "Чёрные списки"},
	"removal":         {EN: "ask for removal", RU: "попросить об исключении"},
	"checks":          {EN: "Checks", RU: "Проверки"},
	"check":           {EN: "Check", RU: "Проверка"},
	"problem":         {EN: "Problem", RU: "Проблема"},
	"severity":        {EN: "Severity", RU: "Важность"},
	"history":         {EN: "The last runs", RU: "Последние опросы"},
	"time":            {EN: "Time (UTC)", RU: "Время (UTC)"},
	"held":            {EN: "as of %s, still held", RU: "верно %s, пока в силе"},
	"stands_at":       {EN: "Where it stands now", RU: "Где она есть сейчас"},
	"paste":           {EN: "Paste a code (550), a reply of a mail server, or a whole message, returned or arrived, with its header. It stays on this machine.", RU: "Вставьте код (550), ответ почтового сервера или письмо целиком с заголовком, вернувшееся или дошедшее. Всё останется на этой машине."},
	"reply_or_letter": {EN: "Code, reply or message", RU: "Код, ответ или письмо"},
	"explain_it":      {EN: "Explain", RU: "Объяснить"},
	"not_found":       {EN: "There is nothing of this name", RU: "Такого здесь нет"},
	"never":           {EN: "not yet", RU: "ещё нет"},
	"now":             {EN: "now", RU: "сейчас"},
	"ago":             {EN: "%d %s ago", RU: "%d %s назад"},
	"in":              {EN: "in %d %s", RU: "через %d %s"},
	"second":          {EN: "s", RU: "с"},
	"minute":          {EN: "min", RU: "мин"},
	"hour":            {EN: "h", RU: "ч"},
	"day":             {EN: "d", RU: "дн."},
}

// pageStates are the words for how something stands.
var pageStates = map[string]catalog.Text{
	string(catalog.SeverityCritical): {EN: "critical", RU: "критично"},
	string(catalog.SeverityWarning):  {EN: "warning", RU: "внимание"},
	string(catalog.SeverityInfo):     {EN: "info", RU: "к сведению"},
	"ok":                             {EN: "well", RU: "в порядке"},
	"unknown":                        {EN: "unknown", RU: "неизвестно"},
	"none":                           {EN: "not asked yet", RU: "ещё не опрошена"},
}

var pageKinds = map[targets.Kind]catalog.Text{
	targets.KindDomain:  {EN: "domain", RU: "домен"},
	targets.KindServer:  {EN: "server", RU: "сервер"},
	targets.KindSender:  {EN: "sender", RU: "отправитель"},
	targets.KindVantage: {EN: "this exporter", RU: "этот экспортёр"},
}
