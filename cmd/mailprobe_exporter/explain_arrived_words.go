package main

import (
	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// arrivedWords are what is told of a letter that arrived, in both languages.
var arrivedWords = struct {
	title, subject, mailFrom                                                                 catalog.Text
	way, noWay, left, someServer, took, tookItself, login, after, slow, entry, belief, whole catalog.Text
	hours, minutes, seconds, clocks                                                          catalog.Text
	sender, noSender, address, helo, ptr                                                     catalog.Text
	results, resultsOf, noResults, foreign, marks, marksBelief                               catalog.Text
	missing, nothingMissing                                                                  catalog.Text
	dkimMissing, dkimUnaligned, tlsMissing, ptrMissing, unsubscribeMissing, oneClickMissing  catalog.Text

	tls     map[bounce.Answer]catalog.Text
	meaning map[string]map[string]catalog.Text // By method and result.
}{
	title:    catalog.Text{EN: "A message that arrived, from %s", RU: "Дошедшее письмо, от %s"},
	subject:  catalog.Text{EN: "Subject: %s", RU: "Тема: %s"},
	mailFrom: catalog.Text{EN: "MAIL FROM, where it would be returned to: %s", RU: "MAIL FROM, куда его вернули бы: %s"},

	way:        catalog.Text{EN: "The way it took", RU: "Путь письма"},
	noWay:      catalog.Text{EN: "There is no Received line in the header.", RU: "В заголовке нет строк Received."},
	left:       catalog.Text{EN: "Earlier lines, left out here: %d", RU: "Более ранние строки, здесь опущены: %d"},
	someServer: catalog.Text{EN: "a server without a name", RU: "сервер без имени"},
	took:       catalog.Text{EN: "%s took it from %s", RU: "%s принял его от %s"},
	tookItself: catalog.Text{EN: "%s took it within its own system", RU: "%s принял его внутри своей системы"},
	login:      catalog.Text{EN: "which had logged in", RU: "который вошёл с паролем"},
	after:      catalog.Text{EN: "%s later", RU: "спустя %s"},
	slow:       catalog.Text{EN: "It was held up longest here: the server before held it back, or this one did not take it at once.", RU: "Здесь оно задержалось дольше всего: его держал предыдущий сервер, или этот не сразу принял."},
	entry:      catalog.Text{EN: "Here the receiver took it from outside.", RU: "Здесь получатель принял его снаружи."},
	belief:     catalog.Text{EN: "What stands before line %d is what the sender says: anybody who sends can write such lines.", RU: "Всё до строки %d — со слов отправителя: такие строки может написать любой отправляющий."},
	whole:      catalog.Text{EN: "All of it: %s", RU: "Весь путь: %s"},

	hours:   catalog.Text{EN: "%d h %d min", RU: "%d ч %d мин"},
	minutes: catalog.Text{EN: "%d min %d s", RU: "%d мин %d с"},
	seconds: catalog.Text{EN: "%d s", RU: "%d с"},
	clocks:  catalog.Text{EN: "-%s (their clocks differ)", RU: "-%s (часы расходятся)"},

	sender:   catalog.Text{EN: "From where it came", RU: "Откуда оно пришло"},
	noSender: catalog.Text{EN: "No line of the receiver tells of an address from outside: it may be a copy from one's own mail system.", RU: "Ни одна строка получателя не называет адреса снаружи: возможно, это копия из собственной почтовой системы."},
	address:  catalog.Text{EN: "Sending address: %s, as %s saw it", RU: "Адрес отправки: %s, так его видел %s"},
	helo:     catalog.Text{EN: "It called itself (EHLO): %s", RU: "Представился (EHLO): %s"},
	ptr:      catalog.Text{EN: "Its name in reverse DNS: %s", RU: "Имя в обратной зоне DNS: %s"},

	results:     catalog.Text{EN: "What the receiver found", RU: "Что проверил получатель"},
	resultsOf:   catalog.Text{EN: "What the receiver found (%s)", RU: "Что проверил получатель (%s)"},
	noResults:   catalog.Text{EN: "The header says nothing of it: there is no Authentication-Results.", RU: "В заголовке об этом ничего нет: нет поля Authentication-Results."},
	foreign:     catalog.Text{EN: "Other Authentication-Results in the header, which are not the receiver's and are not believed: %d", RU: "Другие Authentication-Results в заголовке, не от получателя, им не верим: %d"},
	marks:       catalog.Text{EN: "What spam filters wrote", RU: "Что записали спам-фильтры"},
	marksBelief: catalog.Text{EN: "A sender can put such fields in, too; those of the receiver count.", RU: "Такие поля может вставить и отправитель, важны поля получателя."},

	missing:            catalog.Text{EN: "What is missing", RU: "Чего не хватает"},
	nothingMissing:     catalog.Text{EN: "Nothing that the header shows.", RU: "По заголовку — ничего."},
	dkimMissing:        catalog.Text{EN: "A DKIM signature: nothing proves which domain the message is from once it is forwarded. Large providers ask for one. Let the server that sends sign.", RU: "Подписи DKIM: после пересылки ничто не доказывает, из какого домена письмо. Крупные провайдеры её требуют. Пусть подписывает сервер, который отправляет."},
	dkimUnaligned:      catalog.Text{EN: "A DKIM signature of the domain in From: the message is signed by %s, and From is at %s. For DMARC only a signature of the same organisation counts. Set up signing with a domain of your own.", RU: "Подписи DKIM домена из From: письмо подписал %s, а From — в домене %s. Для DMARC годится только подпись той же организации. Настройте подпись собственным доменом."},
	tlsMissing:         catalog.Text{EN: "TLS: by its Received line the receiver took the message unencrypted (%s). Let the server that sends use TLS where it is offered.", RU: "TLS: судя по строке Received, получатель принял письмо без шифрования (%s). Пусть отправляющий сервер использует TLS, где его предлагают."},
	ptrMissing:         catalog.Text{EN: "Reverse DNS: the receiver found no PTR record for %s, or none that resolves back to it. Many refuse such mail. The owner of the address enters the name (PTR).", RU: "Имени в обратной зоне DNS: для %s получатель не нашёл имени, ведущего обратно на этот адрес. Многие такую почту не принимают. Имя (PTR) вписывает тот, кто выдал адрес."},
	unsubscribeMissing: catalog.Text{EN: "List-Unsubscribe: the message goes to many, and nobody can leave the list by a button. Large providers ask for it (RFC 8058).", RU: "List-Unsubscribe: письмо идёт многим, а отписаться кнопкой нельзя. Крупные провайдеры этого требуют (RFC 8058)."},
	oneClickMissing:    catalog.Text{EN: "List-Unsubscribe-Post: the address to leave the list is there, and one click is not enough. Large providers ask for it (RFC 8058).", RU: "List-Unsubscribe-Post: адрес отписки есть, но одним нажатием отписаться нельзя. Крупные провайдеры этого требуют (RFC 8058)."},

	tls: map[bounce.Answer]catalog.Text{
		bounce.Yes: {EN: "encrypted", RU: "с шифрованием"},
		bounce.No:  {EN: "not encrypted", RU: "без шифрования"},
	},
	meaning: map[string]map[string]catalog.Text{
		"spf": {
			"pass":      {EN: "The domain of MAIL FROM lets this address send.", RU: "Домен из MAIL FROM разрешает этому адресу отправлять."},
			"fail":      {EN: "The SPF record of the domain forbids this address to send: the record lacks it, or the message is forged.", RU: "SPF-запись домена запрещает этому адресу отправлять: адреса нет в записи, или письмо подделано."},
			"softfail":  {EN: "The SPF record does not name this address and does not forbid it outright (~all): put the address into the record if it is yours.", RU: "SPF-запись не называет этот адрес, хотя и не запрещает его прямо (~all): если адрес ваш, внесите его в запись."},
			"neutral":   {EN: "The SPF record says nothing of this address (?all).", RU: "SPF-запись об этом адресе ничего не говорит (?all)."},
			"none":      {EN: "The domain has no SPF record.", RU: "У домена нет SPF-записи."},
			"permerror": {EN: "The SPF record is broken: mistakes, two records, or more than ten lookups.", RU: "SPF-запись сломана: ошибки, две записи или больше десяти запросов."},
			"temperror": {EN: "DNS did not answer the receiver in time.", RU: "DNS вовремя не ответил получателю."},
		},
		"dkim": {
			"pass":      {EN: "The signature is good: the message is from that domain and was not changed on its way.", RU: "Подпись верна: письмо из этого домена и по дороге не изменено."},
			"fail":      {EN: "The signature does not fit: the message was changed on its way (a footer, a filter), or the key in DNS is another.", RU: "Подпись не сходится: письмо изменили по дороге (приписка, фильтр), или ключ в DNS другой."},
			"none":      {EN: "The message is not signed.", RU: "Письмо не подписано."},
			"policy":    {EN: "The signature is good, but the receiver does not accept its kind, as a key that is too short.", RU: "Подпись верна, но получатель такую не принимает, например из-за слишком короткого ключа."},
			"neutral":   {EN: "The signature cannot be judged: it is malformed, or the receiver does not know its kind.", RU: "О подписи судить нельзя: она составлена с ошибкой или её вид получателю неизвестен."},
			"permerror": {EN: "The signature cannot be verified: the key is missing in DNS or broken, or the signature is.", RU: "Подпись проверить нельзя: ключа нет в DNS, или сломан ключ либо сама подпись."},
			"temperror": {EN: "The key could not be looked up in DNS in time.", RU: "Ключ не удалось вовремя получить из DNS."},
		},
		"dmarc": {
			"pass":          {EN: "SPF or DKIM proves the domain in From.", RU: "SPF или DKIM подтверждает домен из From."},
			"fail":          {EN: "Neither SPF nor DKIM proves the domain in From: one of them has to pass for a domain of the same organisation. Receivers do what the policy of that domain says.", RU: "Ни SPF, ни DKIM не подтверждает домен из From: хотя бы одна проверка должна пройти для домена той же организации. Получатели поступают по политике этого домена."},
			"none":          {EN: "The domain in From has no DMARC record.", RU: "У домена из From нет записи DMARC."},
			"bestguesspass": {EN: "The domain in From has no DMARC record; with an ordinary one the message would have passed (a word of Microsoft's).", RU: "У домена из From нет записи DMARC; с обычной записью письмо прошло бы (обозначение Microsoft)."},
			"permerror":     {EN: "The DMARC record is broken.", RU: "Запись DMARC сломана."},
			"temperror":     {EN: "DNS did not answer the receiver in time.", RU: "DNS вовремя не ответил получателю."},
		},
		"arc": {
			"pass": {EN: "Those who forwarded the message vouch for what they had found, unbroken.", RU: "Пересылавшие письмо подтверждают свои проверки, цепочка цела."},
			"fail": {EN: "The chain of those who forwarded the message is broken.", RU: "Цепочка пересылавших письмо нарушена."},
			"none": {EN: "Nobody who forwarded it vouches for it.", RU: "Подтверждений от пересылавших нет."},
		},
		"iprev": {
			"pass":      {EN: "The name of the sending address leads back to it.", RU: "Имя адреса отправки ведёт обратно на него."},
			"fail":      {EN: "The name of the sending address does not lead back to it.", RU: "Имя адреса отправки не ведёт обратно на него."},
			"permerror": {EN: "The sending address has no name in reverse DNS.", RU: "У адреса отправки нет имени в обратной зоне DNS."},
			"temperror": {EN: "Reverse DNS did not answer the receiver in time.", RU: "Обратная зона DNS вовремя не ответила получателю."},
		},
		"compauth": {
			"pass":     {EN: "Microsoft takes all checks together for a proof of the domain in From.", RU: "По совокупности проверок Microsoft считает домен из From подтверждённым."},
			"softpass": {EN: "Microsoft takes the domain in From for proved, though not firmly.", RU: "Microsoft считает домен из From подтверждённым, хотя и не твёрдо."},
			"fail":     {EN: "Microsoft does not take the domain in From for proved; such messages go to junk.", RU: "Microsoft не считает домен из From подтверждённым; такие письма попадают в нежелательные."},
		},
	},
}

// markWords are what is published of the fields that spam filters write.
var markWords = struct {
	spam, notSpam, score, unpublished                                        catalog.Text
	sclSkipped, sclGood, sclSpam, sclSure, bclNone, bclFew, bclSome, bclMany catalog.Text
	microsoft                                                                map[string]catalog.Text
}{
	spam:        catalog.Text{EN: "The filter takes it for spam.", RU: "Фильтр считает его спамом."},
	notSpam:     catalog.Text{EN: "The filter does not take it for spam.", RU: "Фильтр не считает его спамом."},
	score:       catalog.Text{EN: "Score %s; the limit is %s.", RU: "Баллов %s, порог %s."},
	unpublished: catalog.Text{EN: "%s does not publish what this means.", RU: "%s не публикует, что это значит."},
	sclSkipped:  catalog.Text{EN: "SCL %d: the spam filter was skipped.", RU: "SCL %d: спам-фильтр был пропущен."},
	sclGood:     catalog.Text{EN: "SCL %d: not spam.", RU: "SCL %d: не спам."},
	sclSpam:     catalog.Text{EN: "SCL %d: spam; it goes to junk.", RU: "SCL %d: спам, письмо попадает в нежелательные."},
	sclSure:     catalog.Text{EN: "SCL %d: spam with high confidence.", RU: "SCL %d: спам с высокой уверенностью."},
	bclNone:     catalog.Text{EN: "BCL %d: not from a sender of bulk mail.", RU: "BCL %d: не из массовой рассылки."},
	bclFew:      catalog.Text{EN: "BCL %d: bulk mail with few complaints.", RU: "BCL %d: рассылка, жалоб мало."},
	bclSome:     catalog.Text{EN: "BCL %d: bulk mail with a mixed number of complaints.", RU: "BCL %d: рассылка, жалоб бывает по-разному."},
	bclMany:     catalog.Text{EN: "BCL %d: bulk mail with many complaints.", RU: "BCL %d: рассылка, жалоб много."},
	microsoft: map[string]catalog.Text{
		"CAT:AMP":    {EN: "Category: malware.", RU: "Категория: вредоносная программа."},
		"CAT:MALW":   {EN: "Category: malware.", RU: "Категория: вредоносная программа."},
		"CAT:FTBP":   {EN: "Category: a forbidden type of attachment.", RU: "Категория: запрещённый вид вложения."},
		"CAT:SAP":    {EN: "Category: a dangerous attachment.", RU: "Категория: опасное вложение."},
		"CAT:BULK":   {EN: "Category: bulk mail.", RU: "Категория: массовая рассылка."},
		"CAT:SPM":    {EN: "Category: spam.", RU: "Категория: спам."},
		"CAT:HSPM":   {EN: "Category: spam with high confidence.", RU: "Категория: спам с высокой уверенностью."},
		"CAT:OSPM":   {EN: "Category: spam that goes out.", RU: "Категория: исходящий спам."},
		"CAT:PHSH":   {EN: "Category: phishing.", RU: "Категория: фишинг."},
		"CAT:HPHSH":  {EN: "Category: phishing with high confidence.", RU: "Категория: фишинг с высокой уверенностью."},
		"CAT:HPHISH": {EN: "Category: phishing with high confidence.", RU: "Категория: фишинг с высокой уверенностью."},
		"CAT:SPOOF":  {EN: "Category: a forged sender.", RU: "Категория: подделка отправителя."},
		"CAT:INTOS":  {EN: "Category: phishing within the organisation.", RU: "Категория: фишинг внутри организации."},
		"CAT:DIMP":   {EN: "Category: it imitates a domain.", RU: "Категория: подражание домену."},
		"CAT:UIMP":   {EN: "Category: it imitates a person.", RU: "Категория: подражание человеку."},
		"CAT:GIMP":   {EN: "Category: it imitates a person whom the recipient knows.", RU: "Категория: подражание знакомому получателя."},
		"CAT:BIMP":   {EN: "Category: it imitates a brand.", RU: "Категория: подражание бренду."},
		"CAT:NONE":   {EN: "Category: none.", RU: "Категория: никакой."},
		"SFV:BLK":    {EN: "Verdict: the recipient has blocked the sender.", RU: "Вердикт: получатель заблокировал отправителя."},
		"SFV:NSPM":   {EN: "Verdict: not spam.", RU: "Вердикт: не спам."},
		"SFV:SPM":    {EN: "Verdict: spam.", RU: "Вердикт: спам."},
		"SFV:SFE":    {EN: "Verdict: not filtered, the recipient trusts the sender.", RU: "Вердикт: не проверялось, получатель доверяет отправителю."},
		"SFV:SKA":    {EN: "Verdict: not filtered, the organisation allows the sender.", RU: "Вердикт: не проверялось, отправитель разрешён организацией."},
		"SFV:SKB":    {EN: "Verdict: spam, the organisation blocks the sender.", RU: "Вердикт: спам, отправитель заблокирован организацией."},
		"SFV:SKI":    {EN: "Verdict: not filtered, a message within the organisation.", RU: "Вердикт: не проверялось, письмо внутри организации."},
		"SFV:SKN":    {EN: "Verdict: marked as good before the filter.", RU: "Вердикт: отмечено хорошим ещё до фильтра."},
		"SFV:SKQ":    {EN: "Verdict: released from quarantine.", RU: "Вердикт: выпущено из карантина."},
		"SFV:SKS":    {EN: "Verdict: marked as spam before the filter.", RU: "Вердикт: отмечено спамом ещё до фильтра."},
	},
}
