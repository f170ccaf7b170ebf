"""Kinds of facts: what shops call them, and how buyers ask for them, in both languages.

The patterns were written on `tests/shop/development_wordings.py`; others, which no pattern was written on, measure them.
"""

import re
from dataclasses import dataclass

OWN = ("price", "stock", "warranty", "gtin")
"""Kinds that a product has fields for; the others are attributes."""


@dataclass(frozen=True)
class FactKind:
    """One kind of fact."""

    names: tuple[str, ...]
    """Names of attributes that say it, in lower case."""
    asks: str
    """Pattern of questions that ask for it without such a name."""
    unless: str = r"(?!)"
    """Pattern of questions that are about something else all the same."""
    is_vague: bool = False
    """Its pattern asks for something else where that is named too: "how long is the warranty"."""


_OTHER_SUM = (
    r"ship|deliver|postage|courier|return|refund|deposit|installment|discount|coupon|voucher|\bsale\b|promo|original|"
    r"\bwas it\b|what was|cheap|less\b|lower|lowest|best price|negotia|haggle|bargain|\btax|custom|similar|other|another|"
    r"used to|last (?:week|month|year)|compar|match|drop|go(?:ing)? (?:up|down)|"
    r"\b(?:two|three|four|five|six|ten|dozen|both|\d+) (?:of|pieces|pcs|items)|for (?:two|three|four|five|six|ten|a dozen|both|\d+)\b|"
    r"运费|邮费|快递|包邮|退|押金|定金|分期|首付|优惠|打折|折扣|券|原价|以前|之前|降价|涨价|便宜|最低|少点|活动|满减|税|保价|"
    r"别的|其他|类似|同款|一打|一箱|[两二三四五六七八九十\d]\s*[件个双只条套瓶盒斤]"
)
_VARIANT = (
    r"\b(?:red|orange|yellow|green|cyan|blue|purple|pink|brown|black|white|gr[ae]y|colou?rs?|sizes?|small|medium|large|xl|xxl|"
    r"another|other|bigger|smaller|store|shop near|branch)\b|[红橙黄绿青蓝紫粉棕黑白灰]色?的|颜色|尺码|大号|小号|中号|码|门店|实体店|"
    r"什么时候|多久|\bwhen\b|how soon|restock|补货|到货|预售|pre-?order|\bin (?:the |this )?(?:picture|photo|pic|image|box|pack)|"
    r"notify|remind|提醒|通知"
)
KINDS: dict[str, FactKind] = {
    "price": FactKind(
        ("price", "价格", "售价"),
        r"how much (?:is|are|for|do(?:es)?(?: \w+){1,3} (?:cost|sell for|go for)|money|would|will|to buy)|how much\W*$|how much (?:4|u|r|this|that|one|each|s)\b|do i owe|set (?:me|one|you) back|the damage\b|"
        r"what do(?:es)?(?: \w+){1,4} cost|\bcosts?\b|\bpric(?:e|es|ed|ing)\b|(?:do|would|will|should|must) i (?:have to |need to )?pay\b|(?:need|have|got) to pay|\bpric[ie]?y\b|\bsell\b.*\bfor\W*$|going for|much (?:is|are) (?:it|this|that|the|these|they|one)\b|how expensive|(?:do|would) you want for|"
        r"how many (?:yuan|rmb|dollars|bucks|euros)|what (?:do|are) you (?:charge|charging|ask(?:ing)?)|expensive|sell(?:ing)? (?:it |this |them )?(?:at|for)|"
        r"多少[钱块元米]|价格|价钱|售价|几块|几元|几钱|什么价|怎么个?卖|咋个?卖|几毛|块钱|卖多少|多少人民币|报[个下]?价|[现市卖]价|值多少|啥价|贵不?[贵吗么]|花多少|标价|单价|几个钱|(?<!差不)多钱|定价|价位|什么价钱",
        _OTHER_SUM + r"|多少[钱元块]的|price ?(?:tag|label)|weigh|\bdear\b",
    ),
    "stock": FactKind(
        ("stock", "库存"),
        r"\bsto(?:ck|k|kc)\b|(?:sold|sell|selling) out|\bfor sale\b|(?:run|ran|running) out|all gone|is it gone|\bavailab|(?:any|how many|some|many|pieces|much|one|stock)(?: \w+){0,3} left|"
        r"still (?:have|sell|got|get|buy|order|there)|can (?:i|you|we|it|this|they) (?:still )?(?:be )?(?:buy|order|bought|ordered|get (?:it|this|one))\b|\bgot any\b|do you (?:still )?have (?:it|this|any|one)\b|"
        r"库存|有货|现货|还有(?:货|吗|没|么|卖|多少|几)|卖完|卖光|售罄|断货|缺货|没货|剩下?(?:多少|几|余|的)|(?:还能?|可以|能不能)(?:买|下单|拍|卖|订)|能(?:买|拍)到?吗|可以(?:直接)?拍|有没有货|存货|卖没|[买拍][得的]到|还在(?:卖|售)|(?<!现)在售|卖[得的]?没了",
        _VARIANT + r"|多少钱|warranty|保修|\bwhere\b|哪里|哪儿",
    ),
    "warranty": FactKind(
        ("warranty", "guarantee", "保修", "质保", "保修期", "质保期"),
        r"warrant|guarante|保修|质保|保固|包修|三包|保多[久长少]|保几年|坏了?.{0,6}(?:修|保|管|换)|if (?:it|this|one) (?:\w+ )?(?:breaks|fails|dies|stops)|\brepairs?\b|\bam i covered|\bcovered\b",
        r"claim|extend|void|transfer|register|expired|price|card|where|who |why|延长|转让|失效|过了|过期|申请|怎么(?:弄|办)|去哪|哪里|谁|保修卡|凭证|发票|保质",
    ),
    "gtin": FactKind(
        ("gtin", "barcode", "ean", "upc", "条码", "条形码"),
        r"\bbar ?codes?\b|\bgtin\b|\bean\b|\bupc\b|条形?码|商品码|69码",
        r"\bqr\b|二维码|where|scan(?:ner|ned|ning)?\b|is there|can you see|visible|哪|扫不|有没有|能看到|看得见|有条形?码",
    ),
    "weight": FactKind(
        ("weight", "item weight", "product weight", "重量", "net weight", "净重", "net content", "净含量"),
        r"how heavy|weigh|how many (?:kilos?|kg|kilograms?|grams?|pounds?|lbs?|ounces?)|多重|重[是有]?多少|几斤|多少(?:克|斤|公斤|千克)|几公斤|多沉|分量",
        r"\bnet\b|gross|净|毛重|weight limit|max|load|carry|hold|support|my weight|承重|承受|载重|体重|减重",
    ),
    "net weight": FactKind(("net weight", "net content", "净重", "净含量"), r"net (?:wt|contents?)"),
    "material": FactKind(
        ("material", "fabric", "composition", "材质", "材料", "面料", "质地", "成分"),
        r"made (?:out )?(?:of|from)|what(?:'s| is) (?:it|this) made|which material|(?:什么|啥).{0,2}(?:料|材|布)|什么做的|什么做成|用料|料子|啥做的|啥料|啥材|用的什么料|真皮|纯棉|"
        r"\b(?:real|genuine|pure|fake|faux) (?:leather|silk|cotton|wool|wood)",
        r"packag|\bbox\b|recycl|包装|盒子",
    ),
    "dimensions": FactKind(
        ("dimensions", "size", "measurements", "尺寸", "规格", "大小", "尺码"),
        r"how (?:big|large)|what size|which size|\bmeasurements?\b|多大|啥尺寸|几厘米|多少厘米|多少公分",
        r"chart|guide|fit|should i|my size|other sizes|推荐|建议|身高|体重|穿多|表|屏|电池|battery|screen|多大年|多大岁", True,
    ),
    "length": FactKind(("length", "长度", "衣长"), r"how long is (?:it|this|the)|多长", r"deliver|last|time|keep|时间", True),
    "width": FactKind(("width", "宽度"), r"how wide|多宽", is_vague=True),
    "height": FactKind(("height", "高度"), r"how (?:tall|high)|多高", r"\bi am|i'm|\bmy\b|身高|我", True),
    "capacity": FactKind(
        ("capacity", "volume", "容量", "容积"),
        r"how (?:much|many)(?: \w+){0,3} (?:hold|fit in)|how many (?:ml|litres?|liters?)|装多少|多少(?:毫升|升)|几升",
        r"battery|电池|充",
    ),
    "brand": FactKind(("brand", "品牌", "牌子"), r"what make\b|which make\b|哪个牌|什么牌|啥牌", r"similar|other|别的|其他"),
    "origin": FactKind(
        ("origin", "country of origin", "made in", "产地", "原产地", "生产地"),
        r"\bwhere\b.*\b(?:made?|make|produced?|from|manufactured?)\b|made (?:in|where)|come from|which country|what country|imported|国产|进口|(?:哪个?|什么)地方?(?:产|生产|做|造)|哪个国家|国家|(?:哪里|哪儿|哪)出的|哪[里儿]?(?:产|生产|做的|造|制造)|产自|出自|哪国|哪产的|什么地方(?:产|生产)",
    ),
    "model": FactKind(("model", "model number", "mpn", "型号"), r"model (?:no|num|number)|which model|什么型号|啥型号"),
    "ingredients": FactKind(
        ("ingredients", "配料", "配料表", "成分表"), r"\bingredients?\b|what(?:'s| is) in (?:it|this)\b|配料|成分|里面有(?:什么|啥)料|添加剂",
        is_vague=True,
    ),
    "allergy": FactKind(
        ("allergens", "allergen information", "过敏原", "致敏原"),
        r"allerg|intoleran|celiac|coeliac|gluten|lactose|\b(?:contain|free of|traces? of)\b.*\b(?:nuts?|peanuts?|milk|soy|eggs?|shellfish|wheat|sesame)|"
        r"\b(?:nut|dairy|peanut|soy|egg)s?[ -]free|过敏|致敏|麸质|乳糖|不耐受|含.{0,3}(?:花生|坚果|牛奶|鸡蛋|大豆|海鲜|小麦|芝麻|奶)",
    ),
    "care": FactKind(
        ("care", "care instructions", "washing", "洗涤", "洗涤说明", "护理", "洗护"),
        r"(?:can|how) (?:i|do i|to|it|should i)(?: \w+){0,2} (?:wash|clean)|machine wash|dishwasher|怎么洗|能(?:不能)?(?:机|水|手)洗|可以(?:机|水|手)?洗|干洗",
    ),
    "shelf life": FactKind(
        ("shelf life", "保质期"), r"shelf life|how long (?:does|will|can) (?:it|this) (?:keep|last)|能放多久|放多长时间|保质", r"open|开封|开了",
    ),
    "power": FactKind(("power", "wattage", "功率"), r"how many watts|多少瓦|几瓦|wattage"),
    "voltage": FactKind(("voltage", "电压"), r"how many volts|多少伏|几伏"),
    "battery": FactKind(("battery life", "battery capacity", "battery", "续航", "电池容量", "电池"), r"续航|battery last|how long (?:does|will) the battery"),
    "age": FactKind(("age group", "age range", "recommended age", "适用年龄"), r"(?:what|which) ages?\b|几岁|多大的?(?:孩子|小孩|宝宝)"),
    "colour": FactKind(("colour", "color", "main colour", "main color", "颜色", "主色"), r"\bcolou?rs?\b|什么色|啥色|颜色"),
    "pattern": FactKind(("pattern", "design", "图案", "花纹"), r"花色"),
    "shape": FactKind(("shape", "形状"), r"啥样的形"),
    "category": FactKind(("category", "product type", "类别", "品类"), r"what kind of (?:product|item|thing)|哪一?类"),
    "manufacturer": FactKind(("manufacturer", "生产商", "厂家", "制造商"), r"who (?:makes|made|manufactures)|谁(?:生产|做)的|哪家(?:生产|厂)"),
}  # fmt: skip
OTHER_MATTER = re.compile(
    r"\b(?:better|lower|longer|higher|heavier|lighter|than|similar|other|another|next|ago|before|previous(?:ly)?|parcels?|packages?|packag(?:ed|ing)|looks?(?! up)|contact)\b|"
    r"last (?:year|month|week|time)|\b(?:photo|picture|image|pic)s?\b|更|再|比|[去前明后]年|下周|下个?月|上个?月|以前|之前|从前|包裹|包装|限重|看起来|看着|看上去|照片|图[上里中片]|联系",
    re.ASCII,
)
"""Comparisons, other times, and how something looks: nothing that a catalogue says."""
VISUAL_KINDS = ("colour", "pattern", "shape", "category")
"""Kinds that the photo shows: they stay its own, unless a rule says so."""
VISUAL = re.compile(
    r"colou?r|\bhue\b|how many (?!(?:\w+ ){0,4}(?:left|in stock|stock|available|remain)|(?:do|have) you (?:still )?(?:have|got)|"
    r"kilo|kg|gram|pound|lbs?\b|ounce|ml\b|lit|watt|volt|yuan|rmb|dollar|buck|euro|year|month)|"
    r"in the (?:photo|picture|pic|image)|pattern|\bshape|printed|written|what does it say|"
    r"what(?:'s| is| kind of \w+ is) (?:this|that|it|the (?:item|product|thing|object))(?: called)?\W*$|"
    r"颜色|什么色|啥色|图案|花纹|花色|形状|图里|图上|图中|图片|照片|上面写|印的?(?:是|了|着)?(?:什么|啥)|(?:^|[这那它里上中]|[个款件])是什么(?:东西|商品|产品)?[呀啊呢]?[^a-z\u4e00-\u9fff]*$|这是啥(?:东西|商品|[呀啊])?[^a-z\u4e00-\u9fff]*$|几种颜色",
    re.ASCII,
)
"""Questions after what the photo shows."""
