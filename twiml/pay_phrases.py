"""What `<Pay>` says where no `<Prompt>` does, in every language that it may have (twiml-voice.md §30).

One line for each of `MOMENTS`. Japanese is written in kana: an engine that reads no kanji speaks it as well.
"""

from __future__ import annotations

from twiml.payments import ACCOUNT, CODE, DATE, MISMATCH, NUMBER, POSTAL, PROCESSING, ROUTING

AGAIN = "again"  # a field that is to be entered twice
MOMENTS = (
    NUMBER, DATE, CODE, POSTAL, ROUTING, ACCOUNT, PROCESSING, AGAIN,
    "timeout", "invalid-card-number", "invalid-card-type", "invalid-date", "invalid-security-code",
    "invalid-postal-code", "invalid-bank-routing-number", "invalid-bank-account-number", MISMATCH,
)  # fmt: skip
REGIONS = {
    "en": "US AU CA GB IN IE NZ ZA", "es": "ES MX US", "fr": "CA FR", "de": "DE", "it": "IT", "ja": "JP", "ko": "KR",
    "nl": "NL", "pl": "PL", "pt": "BR PT", "ru": "RU", "sv": "SE", "zh": "CN",
}  # fmt: skip
LANGUAGES = tuple(f"{name}-{region}" for name, regions in REGIONS.items() for region in regions.split())

_EN = """
Please enter your card number.
Please enter the month and the year in which your card expires, with two digits each.
Please enter the security code of your card.
Please enter your postal code, and then press the pound key.
Please enter the nine digits of your bank's routing number.
Please enter your account number, and then press the pound key.
Thank you. Please wait while your payment is made.
Please enter it once more, so that we can compare.
We did not hear anything.
This is not a card number.
We do not take cards of this type.
This date is not valid.
This security code is not valid.
This postal code is not valid.
This routing number is not valid.
This account number is not valid.
These were not the same.
"""
_ES = """
Introduzca el número de su tarjeta.
Introduzca el mes y el año en que caduca su tarjeta, con dos dígitos cada uno.
Introduzca el código de seguridad de su tarjeta.
Introduzca su código postal y pulse después la tecla almohadilla.
Introduzca los nueve dígitos del número de ruta de su banco.
Introduzca su número de cuenta y pulse después la tecla almohadilla.
Gracias. Espere, por favor, mientras se realiza el pago.
Introdúzcalo otra vez para que podamos comparar.
No hemos recibido nada.
No es un número de tarjeta.
No aceptamos tarjetas de este tipo.
Esta fecha no es válida.
Este código de seguridad no es válido.
Este código postal no es válido.
Este número de ruta no es válido.
Este número de cuenta no es válido.
Los dos no eran iguales.
"""
_FR = """
Veuillez saisir le numéro de votre carte.
Veuillez saisir le mois et l'année d'expiration de votre carte, avec deux chiffres chacun.
Veuillez saisir le code de sécurité de votre carte.
Veuillez saisir votre code postal, puis appuyer sur la touche dièse.
Veuillez saisir les neuf chiffres du numéro d'acheminement de votre banque.
Veuillez saisir votre numéro de compte, puis appuyer sur la touche dièse.
Merci. Veuillez patienter pendant que votre paiement est effectué.
Veuillez le saisir encore une fois, afin que nous puissions comparer.
Nous n'avons rien reçu.
Ce n'est pas un numéro de carte.
Nous n'acceptons pas les cartes de ce type.
Cette date n'est pas valide.
Ce code de sécurité n'est pas valide.
Ce code postal n'est pas valide.
Ce numéro d'acheminement n'est pas valide.
Ce numéro de compte n'est pas valide.
Les deux saisies n'étaient pas identiques.
"""
_DE = """
Bitte geben Sie Ihre Kartennummer ein.
Bitte geben Sie den Monat und das Jahr ein, in dem Ihre Karte abläuft, mit je zwei Ziffern.
Bitte geben Sie den Sicherheitscode Ihrer Karte ein.
Bitte geben Sie Ihre Postleitzahl ein, und drücken Sie dann die Rautetaste.
Bitte geben Sie die neun Ziffern der Bankleitzahl Ihrer Bank ein.
Bitte geben Sie Ihre Kontonummer ein, und drücken Sie dann die Rautetaste.
Vielen Dank. Bitte warten Sie, während Ihre Zahlung ausgeführt wird.
Bitte geben Sie es noch einmal ein, damit wir vergleichen können.
Wir haben nichts empfangen.
Das ist keine Kartennummer.
Karten dieser Art nehmen wir nicht an.
Dieses Datum ist nicht gültig.
Dieser Sicherheitscode ist nicht gültig.
Diese Postleitzahl ist nicht gültig.
Diese Bankleitzahl ist nicht gültig.
Diese Kontonummer ist nicht gültig.
Die beiden Eingaben waren nicht gleich.
"""
_IT = """
Inserisca il numero della sua carta.
Inserisca il mese e l'anno di scadenza della sua carta, con due cifre ciascuno.
Inserisca il codice di sicurezza della sua carta.
Inserisca il suo codice postale e poi prema il tasto cancelletto.
Inserisca le nove cifre del codice di instradamento della sua banca.
Inserisca il suo numero di conto e poi prema il tasto cancelletto.
Grazie. Attenda, per favore, mentre il pagamento viene eseguito.
Lo inserisca ancora una volta, così che possiamo confrontare.
Non abbiamo ricevuto nulla.
Questo non è un numero di carta.
Non accettiamo carte di questo tipo.
Questa data non è valida.
Questo codice di sicurezza non è valido.
Questo codice postale non è valido.
Questo codice di instradamento non è valido.
Questo numero di conto non è valido.
I due inserimenti non erano uguali.
"""
_JA = """
カードばんごうを、にゅうりょくしてください。
カードのゆうこうきげんの、つきと、ねんを、それぞれふたけたで、にゅうりょくしてください。
カードのセキュリティーコードを、にゅうりょくしてください。
ゆうびんばんごうを、にゅうりょくし、シャープを、おしてください。
ぎんこうのルーティングナンバーを、きゅうけたで、にゅうりょくしてください。
こうざばんごうを、にゅうりょくし、シャープを、おしてください。
ありがとうございます。おしはらいのしょりがおわるまで、おまちください。
かくにんのため、もういちど、にゅうりょくしてください。
にゅうりょくが、ありませんでした。
カードばんごうが、ただしくありません。
このしゅるいのカードは、おつかいいただけません。
ゆうこうきげんが、ただしくありません。
セキュリティーコードが、ただしくありません。
ゆうびんばんごうが、ただしくありません。
ルーティングナンバーが、ただしくありません。
こうざばんごうが、ただしくありません。
にゅうりょくが、いっちしませんでした。
"""
_KO = """
카드 번호를 입력해 주십시오.
카드 유효 기간의 월과 연도를 각각 두 자리로 입력해 주십시오.
카드의 보안 코드를 입력해 주십시오.
우편 번호를 입력하신 후 우물 정자를 눌러 주십시오.
은행의 라우팅 번호 아홉 자리를 입력해 주십시오.
계좌 번호를 입력하신 후 우물 정자를 눌러 주십시오.
감사합니다. 결제가 진행되는 동안 기다려 주십시오.
확인을 위해 한 번 더 입력해 주십시오.
입력된 내용이 없습니다.
올바른 카드 번호가 아닙니다.
이 종류의 카드는 사용하실 수 없습니다.
유효 기간이 올바르지 않습니다.
보안 코드가 올바르지 않습니다.
우편 번호가 올바르지 않습니다.
라우팅 번호가 올바르지 않습니다.
계좌 번호가 올바르지 않습니다.
입력하신 내용이 서로 다릅니다.
"""
_NL = """
Voer uw kaartnummer in.
Voer de maand en het jaar in waarin uw kaart verloopt, met elk twee cijfers.
Voer de beveiligingscode van uw kaart in.
Voer uw postcode in en druk daarna op het hekje.
Voer de negen cijfers van het routingnummer van uw bank in.
Voer uw rekeningnummer in en druk daarna op het hekje.
Dank u wel. Een ogenblik geduld terwijl uw betaling wordt uitgevoerd.
Voer het nog een keer in, zodat wij kunnen vergelijken.
Wij hebben niets ontvangen.
Dit is geen kaartnummer.
Kaarten van dit type nemen wij niet aan.
Deze datum is niet geldig.
Deze beveiligingscode is niet geldig.
Deze postcode is niet geldig.
Dit routingnummer is niet geldig.
Dit rekeningnummer is niet geldig.
De twee waren niet gelijk.
"""
_PL = """
Proszę wprowadzić numer karty.
Proszę wprowadzić miesiąc i rok ważności karty, po dwie cyfry.
Proszę wprowadzić kod zabezpieczający karty.
Proszę wprowadzić kod pocztowy, a następnie nacisnąć krzyżyk.
Proszę wprowadzić dziewięć cyfr numeru rozliczeniowego banku.
Proszę wprowadzić numer konta, a następnie nacisnąć krzyżyk.
Dziękujemy. Proszę czekać na wykonanie płatności.
Proszę wprowadzić jeszcze raz, abyśmy mogli porównać.
Nic nie otrzymaliśmy.
To nie jest numer karty.
Nie przyjmujemy kart tego rodzaju.
Ta data jest nieprawidłowa.
Ten kod zabezpieczający jest nieprawidłowy.
Ten kod pocztowy jest nieprawidłowy.
Ten numer rozliczeniowy jest nieprawidłowy.
Ten numer konta jest nieprawidłowy.
Wprowadzone dane nie były takie same.
"""
_PT = """
Introduza o número do seu cartão.
Introduza o mês e o ano em que o seu cartão expira, com dois dígitos cada.
Introduza o código de segurança do seu cartão.
Introduza o seu código postal e depois prima a tecla cardinal.
Introduza os nove dígitos do número de encaminhamento do seu banco.
Introduza o número da sua conta e depois prima a tecla cardinal.
Obrigado. Aguarde enquanto o pagamento é efetuado.
Introduza mais uma vez, para que possamos comparar.
Não recebemos nada.
Este não é um número de cartão.
Não aceitamos cartões deste tipo.
Esta data não é válida.
Este código de segurança não é válido.
Este código postal não é válido.
Este número de encaminhamento não é válido.
Este número de conta não é válido.
Os dois não eram iguais.
"""
_PT_BR = """
Digite o número do seu cartão.
Digite o mês e o ano de validade do seu cartão, com dois dígitos cada.
Digite o código de segurança do seu cartão.
Digite o seu CEP e depois pressione a tecla jogo da velha.
Digite os nove dígitos do número de roteamento do seu banco.
Digite o número da sua conta e depois pressione a tecla jogo da velha.
Obrigado. Aguarde enquanto o pagamento é realizado.
Digite mais uma vez, para que possamos comparar.
Não recebemos nada.
Este não é um número de cartão.
Não aceitamos cartões deste tipo.
Esta data não é válida.
Este código de segurança não é válido.
Este CEP não é válido.
Este número de roteamento não é válido.
Este número de conta não é válido.
Os dois não eram iguais.
"""
_RU = """
Введите номер вашей карты.
Введите месяц и год окончания срока действия карты, по две цифры.
Введите код безопасности вашей карты.
Введите почтовый индекс, а затем нажмите решётку.
Введите девять цифр маршрутного номера вашего банка.
Введите номер счёта, а затем нажмите решётку.
Спасибо. Подождите, пока выполняется платёж.
Введите ещё раз, чтобы мы могли сравнить.
Мы ничего не получили.
Это не номер карты.
Карты этого типа мы не принимаем.
Эта дата недействительна.
Этот код безопасности недействителен.
Этот почтовый индекс недействителен.
Этот маршрутный номер недействителен.
Этот номер счёта недействителен.
Введённые данные не совпали.
"""
_SV = """
Ange ditt kortnummer.
Ange månad och år då ditt kort går ut, med två siffror vardera.
Ange säkerhetskoden för ditt kort.
Ange ditt postnummer och tryck sedan på fyrkant.
Ange de nio siffrorna i din banks routingnummer.
Ange ditt kontonummer och tryck sedan på fyrkant.
Tack. Vänta medan din betalning genomförs.
Ange det en gång till, så att vi kan jämföra.
Vi har inte tagit emot något.
Det är inte ett kortnummer.
Vi tar inte emot kort av den här typen.
Datumet är inte giltigt.
Säkerhetskoden är inte giltig.
Postnumret är inte giltigt.
Routingnumret är inte giltigt.
Kontonumret är inte giltigt.
De två var inte lika.
"""
_ZH = """
请输入您的卡号。
请输入您的卡的有效期,月份和年份各两位数字。
请输入您的卡的安全码。
请输入您的邮政编码,然后按井号键。
请输入您的银行的九位路由号码。
请输入您的账号,然后按井号键。
谢谢。正在付款,请稍候。
请再输入一次,以便我们核对。
我们没有收到任何输入。
这不是有效的卡号。
我们不接受这种卡。
这个日期无效。
这个安全码无效。
这个邮政编码无效。
这个路由号码无效。
这个账号无效。
两次输入不一致。
"""
_TEXTS = {
    "en": _EN, "es": _ES, "fr": _FR, "de": _DE, "it": _IT, "ja": _JA, "ko": _KO, "nl": _NL, "pl": _PL,
    "pt": _PT, "pt-BR": _PT_BR, "ru": _RU, "sv": _SV, "zh": _ZH,
}  # fmt: skip
PHRASES = {name: dict(zip(MOMENTS, text.split("\n")[1:-1], strict=True)) for name, text in _TEXTS.items()}


def phrase(language: str, moment: str) -> str:
    """What is said in one of `LANGUAGES` at one of `MOMENTS`."""
    return (PHRASES.get(language) or PHRASES[language.partition("-")[0]])[moment]
