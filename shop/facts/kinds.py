"""Kinds of facts: what shops call them, and how buyers ask for them, in both languages.

The patterns were written on `tests/shop/development_wordings.py`; others, which no pattern was written on, measure them.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class FactKind:
    """One kind of fact: price, stock, warranty and gtin have fields of their own, the others are attributes."""

    names: tuple[str, ...]
    """Names of attributes that say it, in lower case; the first that a product has counts."""
    asks: str
    """Pattern of questions that ask for it without such a name."""
    unless: str = r"(?!)"
    """Pattern of questions that are about something else all the same."""
    is_vague: bool = False
    """Its pattern asks for something else where that is named too: "how long is the warranty"."""


def _any(*patterns: str) -> str:
    return "|".join(patterns)


_OTHER_SUM = _any(
    r"ship|deliver|postage|courier|return|refund|deposit|install?ment|discount|coupon|voucher|\bsale\b(?! price)|promo",
    r"original|\bwas it\b|what was|cheap|\bless\b|reduce|\blower|lowest|best price|negotia|haggle|bargain|\btax(?:es)? (?:rate|free|refund)|custom",
    r"\bused? to|install(?!ment)|repair|spare|parts?\b|accessor|refill|filter|subscri|\brent|compar|match|drop|go(?:ing)? (?:up|down)|price ?(?:tag|label)|weigh|多件|批发|wholesale|\bbulk\b",
    r"\b(?:two|three|four|five|six|ten|twelve|\w+teen|\w+ty|dozens?|hundred|both|[2-9]|\d\d+) (?:of|pieces|pcs|items)",
    r"\b(?:for|buy) (?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|an? (?:dozen|hundred)|both|\d+)\b",
    r"送|寄|上门|安装|维修|配件|替换|租|原来|运费|邮费|快递|包邮|退|押金|定金|分期|首付|优惠|打折|折扣|券|原价|降|涨价|便宜|最低|少点|活动|满减|税|保价|议价|还价|讲价|差价|性价比",
    r"别的|其他|类似|同款|一打|一箱|[两二三四五六七八九十百\d]\s*[件个双只条套瓶盒斤]",
)
_VARIANT = _any(
    r"\b(?:red|orange|yellow|green|cyan|blue|purple|pink|brown|black|white|gr[ae]y|colou?rs?|sizes?|small|medium|large|xx?l)\b",
    r"\b(?:bigger|smaller|stores?|shop near|branch|when|how soon|restock|pre-?order|notify|remind|where)\b",
    r"[红橙黄绿青蓝紫粉棕黑白灰]色?的|颜色|尺码|[大小中]号|码|款式|门店|实体店|什么时候|多久|补货|到货|预售|提醒|通知|哪里|哪儿",
    r"多少钱.{0,3}买|延长|优惠|活动|券|问题|配件|说明书|赠品|发票|\bparts?\b|accessor|manual|instructions|gift|\bin the (?:box|pack)|coupon|discount|voucher|deals?\b",
)
_MUCH_ELSE = (
    r"(?!.*\b(?:weigh\w*|weight|power|stock|hold|bear|support|carry|water|space|room|time|memory|storage|milk|sugar|noise|"
    r"left|longer|bigger|taller|energy|electricity)\b)"
)
KINDS: dict[str, FactKind] = {
    "price": FactKind(
        ("price", "价格", "售价"),
        _any(
            rf"\b(?:how|hw) much\b{_MUCH_ELSE}|\bcost(?:s|ly)?\b|\bpric(?:e|es|ed|ing|e?y)\b|expensive|\bquote\b|going for|the damage\b",
            r"(?:do|would|will|should|must) i (?:have to |need to )?pay\b|(?:need|have|got) to pay|do i owe|set (?:me|one|you) back",
            r"\bsell\b.*\bfor\W*$|sell(?:ing)? (?:it |this |them )?(?:at|for)\b|(?:do|would) you want for",
            r"how many (?:yuan|rmb|dollars|bucks|euros)|what (?:do|are) you (?:charge|charging|ask(?:ing)?)",
            r"多少[钱块元米]|多少人民币|(?<!差不)多钱|价[格钱位]|[售卖现市标单定报]个?价|[什啥]么?价|几[块元钱毛]|几个钱|块钱|卖多少|(?:件|只|款)多少[^a-z\u4e00-\u9fff]*$|值多少|花多少",
            r"[怎咋]么?个?卖|贵不?[贵吗么]",
        ),
        _OTHER_SUM,
    ),
    "stock": FactKind(
        ("stock", "库存"),
        _any(
            r"\bsto(?:ck|k|kc)\b|(?:sold|sell|selling) out|\bfor sale\b|(?:run|ran|running) out|\bgone\b|\bavailab|\bgot any\b",
            r"(?<!the )(?<!your )\bleft\b(?! (?:side|hand|corner|of the|or right))|still (?:have|sell|got|get|buy|order|there)",
            r"can (?:i|you|we|it|this|they) (?:still )?(?:be )?(?:buy|order|bought|ordered|sell|sold|get (?:it|this|one)(?! \w+ed\b))\b",
            r"do you (?:still )?have (?:it|this|one|any(?= (?:left|more|of|in|stock|available)|\W*$))\b|what quantity",
            r"库存|存货|有货|现货|[断缺没]货|断没断|缺不缺|卖[完光没]|卖[得的]?没|售罄|还在[卖售]|(?<!现)在售|[买拍][得的]到|有没有货",
            r"还有(?:货|吗|没|么|卖|多少|几|[一二三两\d]?[个件些])|没有?了吗|[剩余]下?(?:多少|几|余|的|一些)",
            r"(?:还能?|可以|能不能)(?:买|下单|拍|卖|订)|能(?:买|拍)到?吗|可以(?:直接)?拍",
        ),
        _VARIANT,
    ),
    "warranty": FactKind(
        ("warranty", "guarantee", "保修", "质保", "保修期", "质保期"),
        _any(
            r"warrant|guarante|if (?:it|this|one) (?:\w+ )?(?:breaks|fails|dies|stops)|\brepair|\bcovered\b",
            r"保修|(?<!材)质保|保固|包修|三包|保多[久长少]|保[几半一二两三五\d]+个?[年月天]|坏了?.{0,6}[修保管换]",
        ),
        _any(
            r"claim|extend|void|transfer|register|expired|price|card|where|\bwho\b|why|handles?|how (?:do|does|can|should|to)\b(?! (?:long|many)\b)(?!.*\blast)",
            r"延长|转让|失效|过了|过期|申请|流程|怎么[弄办走用修]|找|去哪|哪里|谁|保修卡|凭证|发票|保质",
        ),
    ),
    "gtin": FactKind(
        ("gtin", "barcode", "ean", "upc", "条码", "条形码"),
        r"\bbar ?codes?\b|\bgtin\b|\bean\b|\bupc\b|条形?码|商品码|69码",
        _any(
            r"\bqr\b|where|scan(?:ner|ned|ning)?\b|is there|can you see|visible|\b(?:box|label|pack\w*)\b",
            r"二维码|哪[里儿]|在哪|扫|有没有|上有|能看到|看得见|有条形?码|盒",
        ),
    ),
    "weight": FactKind(
        ("weight", "item weight", "product weight", "重量", "net weight", "净重", "net content", "净含量"),
        _any(
            r"how heavy|weigh|how many (?:kilos?|kg|kilograms?|grams?|pounds?|lbs?|ounces?)",
            r"多重|重[是有]?[多几]|多沉|分量|[几多]少?(?:克|斤|公斤|千克)",
        ),
        r"\bnet\b|gross|limit|\bmax|load|carry|hold|support|bear|take|withstand|\bput\b|drop|lose|\bmy\b|净|毛重|承|载|限重|体重|减重|放|装|瘦",
    ),
    "net weight": FactKind(("net weight", "net content", "净重", "净含量"), r"net (?:wt|contents?)"),
    "material": FactKind(
        ("material", "fabric", "composition", "材质", "材料", "面料", "质地", "成分"),
        _any(
            r"made (?:out )?(?:of|from)|(?:is|are) (?:it|this|that|they|these) (?:real|genuine|pure|fake|faux) ",
            r"[什啥]么?.{0,2}[料材布]|[什啥拿]么?做[的成]|什么制|用料|料子|真皮|纯棉|[棉麻丝皮木铁钢竹毛瓷]做的|塑料做",
        ),
        r"packag|\bbox\b|recycl|包装|盒子",
    ),
    "dimensions": FactKind(
        ("dimensions", "size", "measurements", "尺寸", "规格", "大小", "尺码"),
        r"how (?:big|large)|wh(?:at|ich) size|\bmeasurements?\b|多大|啥尺寸|几厘米|多少(?:厘米|公分)",
        r"chart|guide|\bfit|should i|my size|other sizes|battery|screen|推荐|建议|身高|体重|穿多|表|屏|电池|多大[年岁]",
        is_vague=True,
    ),
    "length": FactKind(
        ("length", "长度", "衣长"), r"how long is (?:it|this|the)|多长", r"deliver|last|time|keep|时间", is_vague=True
    ),
    "width": FactKind(("width", "宽度"), r"how wide|多宽", is_vague=True),
    "height": FactKind(("height", "高度"), r"how (?:tall|high)|多高", r"\bi am|i'm|\bmy\b|身高|我", is_vague=True),
    "capacity": FactKind(
        ("capacity", "volume", "容量", "容积"),
        r"how (?:much|many)(?: \w+){0,3} (?:hold|fit in)|how many (?:ml|litres?|liters?)|装多少|[几多]少?(?:毫升|升)",
        r"battery|电池|充",
    ),
    "brand": FactKind(("brand", "品牌", "牌子"), r"wh(?:at|ich) make\b|[哪什啥]么?个?牌", r"similar|别的|其他"),
    "origin": FactKind(
        ("origin", "country of origin", "made in", "产地", "原产地", "生产地"),
        _any(
            r"\bwhere\b.*\b(?:made?|make|produced?|from|manufactured?)\b|made (?:in|where)|come from|wh(?:at|ich) country|imported",
            r"国产|进口|国家|哪国|产自|出自|哪[里儿]?(?:产|出的|生产|做的|造|制造)|(?:哪个?|什么)地方?(?:产|生产|做|造)|[国本外]产的",
        ),
        r"\bwho\b|谁|哪家",
    ),
    "model": FactKind(("model", "model number", "mpn", "型号"), r"model (?:no|num|number)|which model|[什啥]么?型号"),
    "ingredients": FactKind(
        ("ingredients", "配料", "配料表", "成分表"),
        r"\bingredients?\b|what(?:'s| is) in (?:it|this)\b|配料|成分|里面有[什啥]么?料|添加剂",
        is_vague=True,
    ),
    "allergy": FactKind(
        ("allergens", "allergen information", "过敏原", "致敏原"),
        _any(
            r"allerg|intoleran|co?eliac|gluten|lactose|\b(?:nut|dairy|peanut|soy|egg)s?[ -]free",
            r"\b(?:contain|free of|traces? of)\b.*\b(?:nuts?|peanuts?|milk|soy|eggs?|shellfish|wheat|sesame)",
            r"过敏|致敏|麸质|乳糖|不耐受|[含有].{0,3}(?:花生|坚果|牛奶|鸡蛋|大豆|海鲜|小麦|芝麻)",
        ),
    ),
    "care": FactKind(
        ("care", "care instructions", "washing", "洗涤", "洗涤说明", "护理", "洗护"),
        _any(
            r"(?:can|how) (?:i|do i|to|it|should i)(?: \w+){0,2} (?:wash|clean)|machine wash|dishwasher",
            r"怎么洗|(?:能|能不能|可以)[机水手]?洗|干洗",
        ),
    ),
    "shelf life": FactKind(
        ("shelf life", "保质期"),
        r"how long (?:does|will|can) (?:it|this) (?:keep|last)|能放多久|放多长时间|保质",
        r"open|开封|开了",
    ),
    "power": FactKind(("power", "wattage", "功率"), r"how many watts|[几多]少?瓦"),
    "voltage": FactKind(("voltage", "电压"), r"how many volts|[几多]少?伏"),
    "battery": FactKind(
        ("battery life", "battery capacity", "battery", "续航", "电池容量", "电池"),
        r"battery last|how long (?:does|will) the battery|续航",
    ),
    "age": FactKind(
        ("age group", "age range", "recommended age", "适用年龄"),
        r"wh(?:at|ich) ages?\b|几岁|多大的?(?:孩子|小孩|宝宝)",
    ),
    "manufacturer": FactKind(
        ("manufacturer", "生产商", "厂家", "制造商"), r"who (?:makes|made|manufactures)|谁(?:生产|做)的|哪家(?:生产|厂)"
    ),
    "colour": FactKind(
        ("colour", "color", "main colour", "main color", "颜色", "主色"), r"\bcolou?rs?\b|[什啥]么?色|颜色"
    ),
    "pattern": FactKind(("pattern", "design", "图案", "花纹"), r"花色"),
    "shape": FactKind(("shape", "形状"), r"形状"),
    "category": FactKind(("category", "product type", "类别", "品类"), r"what kind of (?:product|item|thing)|哪一?类"),
}
VISUAL_KINDS = ("colour", "pattern", "shape", "category")
"""Kinds that the photo shows: they stay its own, unless a rule says so."""
_END_ZH = r"[^a-z\u4e00-\u9fff]*$"
VISUAL = re.compile(
    _any(
        r"colou?r|\bhue\b|pattern|\bshape|printed|written|what does it say|can you (?:see|count)",
        r"how many (?!(?:\w+ ){0,4}(?:left|in stock|stock|available|remain)|(?:do|have) you (?:still )?(?:have|got)|"
        r"kilo|kg|gram|pound|lbs?\b|ounce|ml\b|lit|watt|volt|yuan|rmb|dollar|buck|euro|year|month)",
        r"what(?:'s| is| (?:kind|type|sort) of (?:product|item|thing|object) is) "
        r"(?:this|that|it|the (?:item|product|thing|object))(?: called)?\W*$",
        r"颜色|[什啥]么?色|几种颜色|图案|花纹|花色|形状|上面写|印的?[是了着]?[什啥]",
        rf"(?:^|[这那它里上中]|[个款件])是什么(?:东西|商品|产品)?[呀啊呢]?{_END_ZH}|这是啥(?:东西|商品|[呀啊])?{_END_ZH}",
    ),
    re.ASCII,
)
"""Questions after what the photo shows."""
OTHER_MATTER = re.compile(
    _any(
        r"\b(?:better|lower|longer|higher|heavier|lighter|than|similar|other|another|next|ago|before|previous(?:ly)?)\b",
        r"last (?:year|month|week|time)|\b(?:looks?(?! up)|contact|parcels?|packages?|packag(?:ed|ing))\b",
        r"\b(?:photo|picture|image|pic)s?\b|照片|图[上里中片]|看起来|看着|看上去",
        r"更|再|比|[去前明后]年|下周|下个?月|上个?月|以前|之前|从前|包裹|包装|限重|联系",
    ),
    re.ASCII,
)
"""Comparisons, other times, and how something looks: nothing that a catalogue says."""
