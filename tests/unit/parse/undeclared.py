"""Texts of our own in many languages, each with an encoding in which pages of it are found that declare none."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "Polish": (
        "windows-1250",
        "W naszym sklepie znajdą państwo książki dla dzieci i dorosłych, także używane. Każdą przesyłkę wysyłamy w ciągu "
        "dwóch dni, a jeśli coś się nie spodoba, przyjmiemy ją z powrotem bez żadnych pytań. Prosimy pisać do nas wieczorem.",
    ),
    "Czech": (
        "windows-1250",
        "V našem obchodě najdete knihy pro děti i dospělé, také použité. Každou zásilku posíláme během dvou dnů, a když se vám "
        "něco nebude líbit, vezmeme ji zpět bez jakýchkoli otázek. Pište nám prosím večer, přes den máme plné ruce práce.",
    ),
    "Slovak": (
        "windows-1250",
        "V našom obchode nájdete knihy pre deti aj dospelých, tiež použité. Každú zásielku posielame do dvoch dní, a keď sa vám "
        "niečo nebude páčiť, vezmeme ju späť bez akýchkoľvek otázok. Píšte nám, prosím, večer, cez deň máme veľa práce.",
    ),
    "Hungarian": (
        "windows-1250",
        "Boltunkban gyerekeknek és felnőtteknek szóló könyveket talál, használtakat is. Minden csomagot két napon belül "
        "elküldünk, és ha valami nem tetszik, kérdés nélkül visszavesszük. Kérjük, este írjon nekünk, napközben sűrű a műszak.",
    ),
    "Croatian": (
        "windows-1250",
        "U našoj trgovini naći ćete knjige za djecu i odrasle, također rabljene. Svaku pošiljku šaljemo u roku od dva dana, a "
        "ako vam se nešto ne svidi, vratit ćemo novac bez pitanja. Molimo pišite nam navečer, danju smo uvijek zauzeti, oprostite.",
    ),
    "Romanian": (
        "windows-1250",
        "În magazinul nostru găsiţi cărţi pentru copii şi adulţi, chiar şi folosite. Trimitem fiecare pachet în două zile, iar "
        "dacă ceva nu vă place, îl primim înapoi fără întrebări. Vă rugăm să ne scrieţi seara, ziua avem mult de lucru.",
    ),
    "Czech in ISO": (
        "iso-8859-2",
        "Žluťoučký kůň příšerně úpěl ďábelské ódy, a přece šel dál. Šťastná chvíle přišla až večer, když už nikdo nečekal, že se "
        "něco stane. Někdo zaťukal na dveře a všichni ztichli, jako by věděli, kdo přichází.",
    ),
    "Russian": (
        "windows-1251",
        "В нашем магазине вы найдёте книги для детей и взрослых, в том числе подержанные. Каждую посылку мы отправляем в "
        "течение двух дней, а если что-то не понравится, примем её обратно без вопросов. Пишите нам вечером.",
    ),
    "Bulgarian": (
        "windows-1251",
        "В нашия магазин ще намерите книги за деца и възрастни, също и употребявани. Всяка пратка изпращаме до два дни, а ако "
        "нещо не ви хареса, ще я вземем обратно без въпроси. Моля, пишете ни вечер, защото през деня сме заети.",
    ),
    "Ukrainian": (
        "windows-1251",
        "У нашій крамниці ви знайдете книжки для дітей і дорослих, також уживані. Кожну посилку ми надсилаємо протягом двох "
        "днів, а якщо щось не сподобається, приймемо її назад без запитань. Пишіть нам увечері, будь ласка.",
    ),
    "Russian in KOI8": (
        "koi8-r",
        "Сегодня вечером мы читали вслух старые письма и долго молчали, глядя на огонь в печи.",
    ),
    "Turkish": (
        "windows-1254",
        "Mağazamızda çocuklar ve yetişkinler için kitaplar bulacaksınız, kullanılmış olanlar da var. Her paketi iki gün içinde "
        "gönderiyoruz ve beğenmediğiniz bir şey olursa soru sormadan geri alıyoruz. Lütfen bize akşamları yazınız.",
    ),
    "Lithuanian": (
        "windows-1257",
        "Mūsų parduotuvėje rasite knygų vaikams ir suaugusiesiems, taip pat naudotų. Kiekvieną siuntą išsiunčiame per dvi "
        "dienas, o jeigu kas nors nepatiks, priimsime ją atgal be jokių klausimų. Prašome rašyti mums vakare, dieną daug darbų.",
    ),
    "Latvian": (
        "windows-1257",
        "Mūsu veikalā atradīsiet grāmatas bērniem un pieaugušajiem, arī lietotas. Katru sūtījumu nosūtām divu dienu laikā, un, ja "
        "kaut kas nepatiks, pieņemsim to atpakaļ bez jautājumiem. Lūdzu, rakstiet mums vakarā, dienā mums ir daudz darba.",
    ),
    "Estonian": (
        "windows-1257",
        "Meie poest leiate raamatuid lastele ja täiskasvanutele, ka kasutatuid. Iga paki saadame teele kahe päeva jooksul, ja kui "
        "miski teile ei meeldi, võtame selle küsimusteta tagasi. Palun kirjutage õhtul, päeval käib tšekkide ja garaaži töö.",
    ),
    "Simplified Chinese": (
        "gbk",
        "在我们的书店里,您可以找到给孩子和大人看的书,也有旧书。每个包裹我们都在两天之内寄出,如果您不喜欢,我们会无条件退货。请您在晚上给我们写信。",
    ),
    "Traditional Chinese": (
        "big5",
        "在我們的書店裡,您可以找到給孩子和大人看的書,也有舊書。每個包裹我們都在兩天之內寄出,如果您不喜歡,我們會無條件退貨。請您在晚上寫信給我們。",
    ),
    "Korean": (
        "euc-kr",
        "저희 가게에는 어린이와 어른을 위한 책이 있고 헌책도 있습니다. 모든 소포는 이틀 안에 보내 드리며 마음에 들지 않으시면 "
        "아무것도 묻지 않고 돌려받습니다. 낮에는 바쁘니 저녁에 편지를 써 주십시오.",
    ),
    "Japanese": (
        "shift_jis",
        "私たちの店には、子どもと大人のための本があり、古本もあります。荷物は二日以内に発送し、お気に召さない場合は何も聞かずに返品を"
        "受け付けます。昼間は忙しいので、夜にお手紙をください。",
    ),
    "Japanese in EUC": (
        "euc-jp",
        "今日は朝から雨が降っていたので、家で本を読みながらお茶を飲んでいました。とても静かな一日でした。",
    ),
    "Greek": (
        "windows-1253",
        "Στο κατάστημά μας θα βρείτε βιβλία για παιδιά και μεγάλους, ακόμη και μεταχειρισμένα.",
    ),
    "Hebrew": (
        "windows-1255",
        "בחנות שלנו תמצאו ספרים לילדים ולמבוגרים, גם משומשים. אנחנו שולחים כל חבילה תוך יומיים.",
    ),
    "Arabic": ("windows-1256", "ستجدون في متجرنا كتبا للأطفال والكبار، ومنها كتب مستعملة. نرسل كل طرد خلال يومين."),
    "Thai": ("windows-874", "ในร้านของเรามีหนังสือสำหรับเด็กและผู้ใหญ่ รวมทั้งหนังสือมือสอง เราส่งพัสดุภายในสองวัน"),
    "German": (
        "windows-1252",
        "In unserem Geschäft finden Sie Bücher für Kinder und Erwachsene, übrigens auch gebrauchte, schön und günstig.",
    ),
    "French": (
        "windows-1252",
        "Dans notre magasin, vous trouverez des livres pour enfants et adultes, même déjà usagés, à côté de la forêt. Ça vous plaît ?",
    ),
    "Spanish": (
        "windows-1252",
        "En nuestra tienda encontrará libros para niños y adultos, también usados. ¿Qué más se podría pedir mañana?",
    ),
    "Portuguese": (
        "windows-1252",
        "Na nossa loja há livros para crianças e adultos, até usados. As devoluções não têm condições, é só avisar à noite.",
    ),
    "Italian": (
        "windows-1252",
        "Nel nostro negozio c'è di tutto per bambini e adulti, perché la lettura è libertà. Così si può già tornare più tardi.",
    ),
    "Swedish": (
        "windows-1252",
        "I vår butik hittar ni böcker för både barn och vuxna, även begagnade, och på kvällen svarar vi på era frågor.",
    ),
    "Danish": (
        "windows-1252",
        "I vores butik finder De bøger for børn og voksne, også brugte, og på lørdag er der æbler til alle gæster.",
    ),
    "Finnish": (
        "windows-1252",
        "Kaupastamme löydätte kirjoja lapsille ja aikuisille, myös käytettyjä. Lähetämme jokaisen paketin kahden päivän sisällä.",
    ),
    "Icelandic": (
        "windows-1252",
        "Í verslun okkar finnið þér bækur fyrir börn og fullorðna, líka notaðar. Við sendum hverja sendingu innan tveggja daga.",
    ),
    "Dutch": (
        "windows-1252",
        "In onze winkel vindt u boeken voor kinderen en volwassenen, ook één of twee geïllustreerde reünieverhalen.",
    ),
    "one accent": ("windows-1252", "The café is open from nine to five, and the menu changes every week."),
}
