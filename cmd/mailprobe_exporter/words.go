package main

import "github.com/mailprobe/mailprobe_exporter/catalog"

// words are what the program says around the catalogue's texts, in both languages.
var words = struct {
	// Parts of an explanation.
	causes, remedies, publish, publishFile, programs, references, reading, elsewhere, terms, removal, answers, knownReplies catalog.Text
	// What is told in a line.
	actor, anyActor, retry, retryReturned, retryExpired, cause, blocklist, check, when, zone, keyedZone, kinds, groups, scope, hosts, dead, deadSince catalog.Text
	answered, answeredBy, delivery, reporter, sameReplies, andMore, moreAt, allKnown                                                                  catalog.Text
	// Codes that the catalogue does not know.
	unknownCode, unknownEnhanced, unknownText, unknownMeaning, giveText, askAdmin catalog.Text
	// A blocklist that a reply names.
	listed, listedDomain, listedDead, listedAtProvider, listedOwnServer, listedOwnDomain, listedMeanwhile catalog.Text
	// Letters and logs.
	letterReplies, logLines, logInbound, logRefused, logUnclassified, logNothing, logUnknown, logGuessed, logNoDelivery, readThem, noReply, noReplyHint, anybody catalog.Text
	count, provider, codes, retryShort, example                                                                                                                  catalog.Text
	// Nothing found.
	notKnown, notReply, nearest, whatItTakes catalog.Text
	// Topics and settings of mail services.
	topicCauses, topicRemedies, belongs, seeAlso                                                                                         catalog.Text
	mailService, outgoing, incomingIMAP, incomingPOP3, server, user, password, before, limits, checkedOwn, checkedOthers, serviceReplies catalog.Text

	actors     map[catalog.Actor]catalog.Text
	retries    map[catalog.Retry]catalog.Text
	retryWords map[catalog.Retry]catalog.Text
	severities map[catalog.Severity]catalog.Text
	scopes     map[string]catalog.Text
	kindWords  map[string]catalog.Text
	causeWords map[catalog.Cause]catalog.Text
}{
	causes:       catalog.Text{EN: "What usually causes it", RU: "Что обычно к этому приводит"},
	remedies:     catalog.Text{EN: "What to do", RU: "Что делать"},
	publishFile:  catalog.Text{EN: "The file to publish at %s", RU: "Файл для публикации по адресу %s"},
	publish:      catalog.Text{EN: "The record to publish (name, type, value)", RU: "Запись для публикации (имя, тип, значение)"},
	programs:     catalog.Text{EN: "Where these settings are in mail programs", RU: "Где эти настройки в почтовых программах"},
	references:   catalog.Text{EN: "References", RU: "Источники"},
	reading:      catalog.Text{EN: "How the code is read", RU: "Как читается код"},
	elsewhere:    catalog.Text{EN: "What providers mean by it", RU: "Что имеют в виду провайдеры"},
	terms:        catalog.Text{EN: "What its operator allows", RU: "Что разрешает владелец списка"},
	removal:      catalog.Text{EN: "How to get off it", RU: "Как из него выйти"},
	answers:      catalog.Text{EN: "What its answers mean [meaning and severity in metrics]", RU: "Что значат его ответы [meaning и severity в метриках]"},
	knownReplies: catalog.Text{EN: "Replies of this provider that are known", RU: "Известные ответы этого провайдера"},

	actor:         catalog.Text{EN: "Who can act: %s", RU: "Кто может помочь: %s"},
	anyActor:      catalog.Text{EN: "that depends on the reason; the steps below find it out", RU: "зависит от причины; как её выяснить, сказано ниже"},
	retry:         catalog.Text{EN: "Send again? %s", RU: "Отправить ещё раз? %s"},
	retryReturned: catalog.Text{EN: "Later. If the message only says that it is delayed, the server goes on by itself; if it says that delivery failed, send again yourself.", RU: "Позже. Если вам сообщили только о задержке (delayed), сервер продолжит сам; если о том, что письмо не доставлено (failed), отправьте его снова сами."},
	retryExpired:  catalog.Text{EN: "Yes, by yourself, when the reason is gone: the server has given this message up.", RU: "Да, сами и когда причина устранена: это письмо сервер больше отправлять не будет."},
	cause:         catalog.Text{EN: "In metrics: cause=\"%s\" (%s)", RU: "В метриках: cause=\"%s\" (%s)"},
	blocklist:     catalog.Text{EN: "Blocklist named: %s. More: explain %s", RU: "Назван чёрный список: %s. Подробнее: explain %s"},
	check:         catalog.Text{EN: "Problem, found by the check %s. Severity: %s.", RU: "Проблема, её находит проверка %s. Важность: %s."},
	when:          catalog.Text{EN: "When it is another: %s", RU: "Когда другая: %s"},
	zone:          catalog.Text{EN: "Blocklist. Zone: %s", RU: "Чёрный список. Зона: %s"},
	keyedZone:     catalog.Text{EN: "Zone with a key: %s (blocklists.keys.%s in exporter.yml)", RU: "Зона с ключом: %s (blocklists.keys.%s в exporter.yml)"},
	kinds:         catalog.Text{EN: "Asked about: %s", RU: "О чём спрашивают: %s"},
	groups:        catalog.Text{EN: "Groups in exporter.yml: %s", RU: "Группы в exporter.yml: %s"},
	scope:         catalog.Text{EN: "One listing hits: %s", RU: "Одна запись касается: %s"},
	hosts:         catalog.Text{EN: "Mail provider. Its servers: %s", RU: "Почтовый провайдер. Его серверы: %s"},
	dead:          catalog.Text{EN: "This list is dead. %s", RU: "Этот список больше не работает. %s"},
	deadSince:     catalog.Text{EN: "This list is dead since %s. %s", RU: "Этот список не работает с %s. %s"},
	answered:      catalog.Text{EN: "Answered: %s", RU: "Ответил: %s"},
	answeredBy:    catalog.Text{EN: "%s (%s)", RU: "%s (%s)"},
	delivery:      catalog.Text{EN: "Message to: %s", RU: "Письмо для: %s"},
	reporter:      catalog.Text{EN: "Reported by: %s", RU: "Сообщил: %s"},
	sameReplies:   catalog.Text{EN: "Same explanation for:", RU: "То же объяснение для:"},
	andMore:       catalog.Text{EN: "and %d more", RU: "и ещё %d"},
	moreAt:        catalog.Text{EN: "For one of them in full: explain --provider %s %s", RU: "Один из них целиком: explain --provider %s %s"},
	allKnown:      catalog.Text{EN: "All its replies that are known: explain %s. Best is to give the text behind the code too.", RU: "Все его известные ответы: explain %s. Лучше всего добавить и текст после кода."},

	unknownCode:     catalog.Text{EN: "No code of any standard; its digits tell something all the same", RU: "Такого кода нет ни в одном стандарте, но кое-что говорят его цифры"},
	unknownEnhanced: catalog.Text{EN: "Not in the registry; class and subject tell something all the same", RU: "Такого номера нет в реестре, но кое-что говорят класс и предмет"},
	unknownText:     catalog.Text{EN: "The catalogue does not know these words", RU: "Каталог не знает этих слов"},
	unknownMeaning:  catalog.Text{EN: "The words name no reason that is known here, and there is no code with them.", RU: "Известной причины эти слова не называют, а кода при них нет."},
	giveText:        catalog.Text{EN: "Read the words behind the code: they mostly name the reason. Give explain the whole reply, in quotes, or the returned message (explain --file letter.eml).", RU: "Прочтите слова после кода: причина чаще всего названа в них. Дайте explain весь ответ в кавычках или возвращённое письмо (explain --file letter.eml)."},
	askAdmin:        catalog.Text{EN: "Send the whole reply, with date and time, to the administrator of the server that answered; its name stands before the reply in the returned message.", RU: "Отправьте весь ответ с датой и временем администратору сервера, который ответил; имя сервера стоит перед ответом в возвращённом письме."},

	listed:           catalog.Text{EN: "The receiver asks the blocklist “%s” about every sender and refuses those that are on it. The address or domain from which your message came is.", RU: "Получатель проверяет каждого отправителя по чёрному списку «%s» и отказывает всем, кто в нём есть. Адрес или домен, с которого пришло ваше письмо, там есть."},
	listedDomain:     catalog.Text{EN: "The receiver looks up every domain of a message (the sender's and those of links) in the blocklist “%s” and refuses messages with one that is listed.", RU: "Получатель ищет все домены письма (отправителя и ссылок) в чёрном списке «%s» и отказывает, если там есть хоть один."},
	listedOwnDomain:  catalog.Text{EN: "Find out which domain is on the list: yours, or one that a link in the message leads to. Leave out a link to somebody else's. For your own find and stop the cause (explain %s says how), then ask for removal: %s", RU: "Выясните, какой домен в списке: ваш или тот, куда ведёт ссылка в письме. Чужую ссылку уберите. Для своего найдите и устраните причину (подсказки: explain %s), потом просите исключения: %s"},
	listedDead:       catalog.Text{EN: "The receiver asks the blocklist “%s”, which no longer exists. The fault is there: you are on no list, and you cannot get off this one.", RU: "Получатель спрашивает чёрный список «%s», которого больше нет. Ошибка у него: вас в списке нет, и исключать вас неоткуда."},
	listedAtProvider: catalog.Text{EN: "If your mailbox is at a mail or hosting provider, forward the whole returned message to its support: its server is on the list, and only its operator can have it removed.", RU: "Если ваш ящик у почтового или хостинг-провайдера, перешлите возвращённое письмо целиком в его поддержку: в списке его сервер, и выйти оттуда может только он."},
	listedOwnServer:  catalog.Text{EN: "If the server is your own, first find and stop the cause (explain %s says how), then ask for removal: %s", RU: "Если сервер ваш, сначала найдите и устраните причину (подсказки: explain %s), потом просите исключения: %s"},
	listedMeanwhile:  catalog.Text{EN: "Until then send what is urgent another way: from another mailbox, or through a relay of your provider.", RU: "До тех пор срочное отправляйте другим путём: с другого ящика или через релей провайдера."},

	letterReplies:   catalog.Text{EN: "Replies found: %d", RU: "Найдено ответов: %d"},
	logLines:        catalog.Text{EN: "Lines read: %d. Deliveries that went well: %d. Refused or put off: %d.", RU: "Прочитано строк: %d. Доставлено: %d. Отказов и отсрочек: %d."},
	logInbound:      catalog.Text{EN: "Refusals of your own server to others, left out here: %d.", RU: "Отказы вашего сервера другим, здесь не учтены: %d."},
	logRefused:      catalog.Text{EN: "Each in detail", RU: "Каждая строка подробно"},
	logUnclassified: catalog.Text{EN: "Replies that the catalogue does not know", RU: "Ответы, которых каталог не знает"},
	logNothing:      catalog.Text{EN: "Nothing was refused or put off.", RU: "Отказов и отсрочек нет."},
	logUnknown: catalog.Text{
		EN: "No line of this log has a form that is known here, so nothing can be said about deliveries in it. Known are the logs of " +
			"Postfix, Exim, Sendmail, OpenSMTPD, qmail, Courier, Haraka, Stalwart, maddy, Kerio Connect, MDaemon, hMailServer, PowerMTA " +
			"and Exchange.",
		RU: "Ни одна строка этого журнала не имеет известной здесь формы, поэтому о доставках в нём сказать нечего. Известны журналы " +
			"Postfix, Exim, Sendmail, OpenSMTPD, qmail, Courier, Haraka, Stalwart, maddy, Kerio Connect, MDaemon, hMailServer, PowerMTA " +
			"и Exchange.",
	},
	logGuessed: catalog.Text{
		EN: "The form of this log is not known here. Replies are found by what they look like, so one may count more than once, " +
			"and deliveries that succeeded are not counted.",
		RU: "Форма этого журнала здесь не известна. Ответы найдены по внешнему виду, поэтому один ответ может быть учтён несколько раз, " +
			"а удачные доставки не учтены.",
	},
	logNoDelivery: catalog.Text{
		EN: "The log is understood. It tells of no delivery, neither of one that succeeded nor of one that failed.",
		RU: "Журнал понятен. О доставках в нём ничего нет: ни об удачных, ни о неудачных.",
	},
	readThem:    catalog.Text{EN: "Only the words tell the reason; examples stand below. Ask about one: explain \"550 the words\".", RU: "Причину называют только слова ответа, примеры ниже. Спросите про любой: explain \"550 слова ответа\"."},
	noReply:     catalog.Text{EN: "No reply of a mail server was found in this text.", RU: "В этом тексте не нашлось ответа почтового сервера."},
	noReplyHint: catalog.Text{EN: "A reply looks like “550 5.1.1 User unknown”. In a returned message it stands in the text or in the part “delivery status”: save the whole message as a file (.eml, “show original”) and give that.", RU: "Ответ выглядит так: «550 5.1.1 User unknown». В возвращённом письме он стоит в тексте или в части «delivery status»: сохраните письмо целиком в файл (.eml, «показать оригинал») и передайте его."},
	anybody:     catalog.Text{EN: "others", RU: "прочие"},
	count:       catalog.Text{EN: "count", RU: "число"},
	provider:    catalog.Text{EN: "provider", RU: "провайдер"},
	codes:       catalog.Text{EN: "codes", RU: "коды"},
	retryShort:  catalog.Text{EN: "send again", RU: "повторить"},
	example:     catalog.Text{EN: "Example: %s", RU: "Пример: %s"},

	topicCauses:    catalog.Text{EN: "What goes wrong with it", RU: "Что с этим бывает не так"},
	topicRemedies:  catalog.Text{EN: "What to do first", RU: "Что сделать сначала"},
	belongs:        catalog.Text{EN: "Problems and replies that belong to it", RU: "Связанные проблемы и ответы"},
	seeAlso:        catalog.Text{EN: "See also: %s", RU: "Смотрите также: %s"},
	mailService:    catalog.Text{EN: "%s: settings for mail programs", RU: "%s: настройки для почтовых программ"},
	outgoing:       catalog.Text{EN: "Outgoing mail (SMTP)", RU: "Исходящая почта (SMTP)"},
	incomingIMAP:   catalog.Text{EN: "Incoming mail (IMAP)", RU: "Входящая почта (IMAP)"},
	incomingPOP3:   catalog.Text{EN: "Incoming mail (POP3)", RU: "Входящая почта (POP3)"},
	server:         catalog.Text{EN: "%s: %s, port %d, %s", RU: "%s: %s, порт %d, %s"},
	user:           catalog.Text{EN: "User name: %s", RU: "Имя пользователя: %s"},
	password:       catalog.Text{EN: "Password: %s", RU: "Пароль: %s"},
	before:         catalog.Text{EN: "Before that: %s", RU: "До этого: %s"},
	limits:         catalog.Text{EN: "Limits: %s", RU: "Лимиты: %s"},
	checkedOwn:     catalog.Text{EN: "Compared on %s with what the provider publishes. If it differs, its own page is right: %s", RU: "Сверено %s с тем, что публикует провайдер. Если есть расхождения, верна его страница: %s"},
	checkedOthers:  catalog.Text{EN: "Compared on %s with what several others publish. If it differs, the provider's own page is right: %s", RU: "Сверено %s с несколькими независимыми описаниями. Если есть расхождения, верна страница провайдера: %s"},
	serviceReplies: catalog.Text{EN: "What its servers reply: explain %s", RU: "Что отвечают его серверы: explain %s"},

	notKnown:    catalog.Text{EN: "There is no entry for %s.", RU: "Записи о %s нет."},
	notReply:    catalog.Text{EN: "%s is no reply of a mail server: those begin with 2, 3, 4 or 5 and have three digits.", RU: "%s — не ответ почтового сервера: в нём три цифры, и начинается он с 2, 3, 4 или 5."},
	nearest:     catalog.Text{EN: "Nearest entries, by their names", RU: "Ближайшие по названию записи"},
	whatItTakes: catalog.Text{EN: "explain takes a reply (explain 550 5.7.26 \"text\"), a problem (explain smtp_deferred), a blocklist (explain spamhaus_zen), a provider (explain google), its server (explain smtp.gmail.com), a cause (explain greylisted), a port (explain port 465), a word or a few of your own (explain dmarc, explain mail goes to spam), or a bounce (explain --file letter.eml).", RU: "explain принимает ответ (explain 550 5.7.26 \"текст\"), проблему (explain smtp_deferred), чёрный список (explain spamhaus_zen), провайдера (explain yandex), его сервер (explain smtp.mail.ru), причину (explain greylisted), порт (explain порт 465), слово или свои слова (explain dmarc, explain письма попадают в спам) или возвращённое письмо (explain --file letter.eml)."},

	actors: map[catalog.Actor]catalog.Text{
		catalog.ActorSender:    {EN: "you, the sender, or the administrator of your mail", RU: "вы, отправитель, или тот, кто ведёт вашу почту"},
		catalog.ActorRecipient: {EN: "the recipient, or the administrator of their mail", RU: "получатель или тот, кто ведёт его почту"},
		catalog.ActorProvider:  {EN: "the operator of the mail server that answered", RU: "владелец почтового сервера, который ответил"},
		catalog.ActorNetwork:   {EN: "the operator of the network between: internet provider, firewall, VPN", RU: "тот, кто отвечает за сеть между вами: интернет-провайдер, межсетевой экран, VPN"},
	},
	retries: map[catalog.Retry]catalog.Text{
		catalog.RetryYes:   {EN: "Yes, in a few minutes.", RU: "Да, через несколько минут."},
		catalog.RetryNo:    {EN: "No: something has to change first.", RU: "Нет: сначала нужно что-то изменить."},
		catalog.RetryLater: {EN: "Later. A mail server does so by itself; from a mail program, send again yourself after a while.", RU: "Позже. Почтовый сервер повторит сам; из почтовой программы через некоторое время отправьте снова."},
	},
	retryWords: map[catalog.Retry]catalog.Text{
		catalog.RetryYes:   {EN: "yes", RU: "да"},
		catalog.RetryNo:    {EN: "no", RU: "нет"},
		catalog.RetryLater: {EN: "later", RU: "позже"},
	},
	severities: map[catalog.Severity]catalog.Text{
		catalog.SeverityCritical: {EN: "critical", RU: "critical (критично)"},
		catalog.SeverityWarning:  {EN: "warning", RU: "warning (предупреждение)"},
		catalog.SeverityInfo:     {EN: "info", RU: "info (к сведению)"},
	},
	scopes: map[string]catalog.Text{
		"address":  {EN: "one address", RU: "одного адреса"},
		"range":    {EN: "a range of addresses, so that neighbours suffer too", RU: "диапазона адресов, страдают и соседи"},
		"provider": {EN: "all addresses of a provider", RU: "всех адресов провайдера"},
		"domain":   {EN: "a domain", RU: "домена"},
	},
	kindWords: map[string]catalog.Text{
		"ipv4":   {EN: "IPv4 addresses", RU: "об адресах IPv4"},
		"ipv6":   {EN: "IPv6 addresses", RU: "об адресах IPv6"},
		"domain": {EN: "domains", RU: "о доменах"},
	},
	causeWords: map[catalog.Cause]catalog.Text{
		catalog.CauseOK:                  {EN: "nothing is wrong", RU: "всё в порядке"},
		catalog.CauseUnclassified:        {EN: "the reason is not told", RU: "причина не названа"},
		catalog.CauseUserUnknown:         {EN: "no such mailbox", RU: "нет такого ящика"},
		catalog.CauseMailboxFull:         {EN: "the recipient's mailbox is full", RU: "ящик получателя переполнен"},
		catalog.CauseMailboxDisabled:     {EN: "the recipient's mailbox is switched off", RU: "ящик получателя отключён"},
		catalog.CauseMailboxMoved:        {EN: "the recipient has another address now", RU: "у получателя теперь другой адрес"},
		catalog.CauseRecipientRestricted: {EN: "the recipient accepts only some senders", RU: "получатель принимает письма не от всех"},
		catalog.CauseHostUnknown:         {EN: "the recipient's domain or its mail server cannot be found", RU: "не найден домен получателя или его почтовый сервер"},
		catalog.CauseNotAcceptingMail:    {EN: "this server accepts no mail", RU: "этот сервер почту не принимает"},
		catalog.CauseNoRDNS:              {EN: "the sending address has no name in DNS", RU: "у адреса отправляющего сервера нет обратной записи"},
		catalog.CauseBadHelo:             {EN: "the sending server calls itself by a wrong name", RU: "отправляющий сервер представился неверным именем"},
		catalog.CauseDynamicAddress:      {EN: "the sending address belongs to home users", RU: "адрес отправки из диапазона домашних пользователей"},
		catalog.CauseBlocklisted:         {EN: "the sending address or domain is blocked", RU: "адрес или домен отправителя в чёрном списке"},
		catalog.CausePoorReputation:      {EN: "the sender has a bad name", RU: "плохая репутация отправителя"},
		catalog.CauseSenderRejected:      {EN: "the sender's address is not accepted", RU: "адрес отправителя не принят"},
		catalog.CauseSPFFailed:           {EN: "SPF failed", RU: "не пройдена проверка SPF"},
		catalog.CauseDKIMFailed:          {EN: "DKIM failed", RU: "не пройдена проверка DKIM"},
		catalog.CauseDMARCFailed:         {EN: "DMARC failed", RU: "не пройдена проверка DMARC"},
		catalog.CauseUnauthenticated:     {EN: "the message does not prove who sent it", RU: "письмо не подтверждает отправителя"},
		catalog.CauseGreylisted:          {EN: "greylisting: try again later", RU: "серый список: повторите позже"},
		catalog.CauseRateLimited:         {EN: "too much mail in a time", RU: "слишком много писем за время"},
		catalog.CauseTooManyConnections:  {EN: "too many connections at once", RU: "слишком много соединений сразу"},
		catalog.CauseTooManyRecipients:   {EN: "too many recipients", RU: "слишком много получателей"},
		catalog.CauseMessageTooBig:       {EN: "the message is too big", RU: "письмо слишком большое"},
		catalog.CauseSpamContent:         {EN: "the message looks like spam", RU: "письмо похоже на спам"},
		catalog.CauseVirus:               {EN: "a virus or a forbidden attachment", RU: "вирус или запрещённое вложение"},
		catalog.CauseMalformedMessage:    {EN: "the message is malformed", RU: "письмо составлено с нарушениями"},
		catalog.CauseContentRestricted:   {EN: "a rule of your own organisation forbids it", RU: "запрещено правилом вашей организации"},
		catalog.CausePolicy:              {EN: "a rule of the receiver, no more said", RU: "правило получателя, подробностей нет"},
		catalog.CauseRelayDenied:         {EN: "the server does not pass mail on for you", RU: "сервер не пересылает вашу почту"},
		catalog.CauseAuthRequired:        {EN: "log in first", RU: "сначала нужно войти"},
		catalog.CauseAuthFailed:          {EN: "user name or password not accepted", RU: "имя или пароль не приняты"},
		catalog.CauseEncryptionRequired:  {EN: "encryption is required", RU: "нужно шифрование"},
		catalog.CauseTLSFailed:           {EN: "encryption failed", RU: "не удалось шифрование"},
		catalog.CausePortMismatch:        {EN: "port and kind of encryption do not fit", RU: "порт и вид шифрования не подходят друг другу"},
		catalog.CauseStorageFull:         {EN: "the server's disk is full", RU: "на сервере нет места"},
		catalog.CauseServerError:         {EN: "a fault of the server", RU: "сбой сервера"},
		catalog.CauseServerClosing:       {EN: "the server closes the connection", RU: "сервер закрывает соединение"},
		catalog.CauseDNSFailure:          {EN: "DNS does not answer", RU: "сбой DNS"},
		catalog.CauseNetwork:             {EN: "the connection fails", RU: "нет связи"},
		catalog.CauseMailLoop:            {EN: "the message goes in a loop", RU: "письмо зациклилось"},
		catalog.CauseDeliveryExpired:     {EN: "tried for too long, given up", RU: "срок попыток истёк"},
		catalog.CauseSyntaxError:         {EN: "a command was not understood", RU: "команда не понята"},
		catalog.CauseBadSequence:         {EN: "a command out of turn", RU: "команда не ко времени"},
		catalog.CauseNotImplemented:      {EN: "the server cannot do this", RU: "сервер этого не умеет"},
		catalog.CauseUnsupportedAddress:  {EN: "an address in a form that is not supported", RU: "такой вид адреса не поддерживается"},
	},
}
