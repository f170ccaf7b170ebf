"""Questions that no pattern of `shop/facts/kinds.py` was written on: by kind of fact and by language.

"" asks for something that the catalogue of the test's products does not say, or that the photo shows.
"""

HELD_OUT: dict[str, dict[str, tuple[str, ...]]] = {
    "price": {
        "en": (
            "Good day. What does this product cost, please?", "how much r u asking", "price? thank you", "could you please state the price", "what is the price per unit", "how much does this run",
            "i'm interested, how much is it", "how much for this lovely thing", "what's the price of a single piece", "sorry to bother you, how much is this", "let me know the cost",
            "how much is that", "is it an expensive one", "how much would you sell it for", "what is this priced at", "hiya how much", "whats the total price", "how much does ur product cost",
        ),
        "zh": (
            "您好，请问这件商品多少钱？", "亲亲多少钱", "价格是？", "劳驾问下价格", "单件多少钱", "这个卖价是多少", "想要一个，多少钱", "这么好看的多少钱", "一件什么价", "打扰了，这个多少钱",
            "把价格告诉我", "那个多少钱", "是不是很贵", "你打算卖多少钱", "标价多少", "嗨多少钱", "全部价格多少", "你家产品多少钱",
        ),
    },
    "stock": {
        "en": (
            "Good day. Is this product in stock, please?", "u got stock?", "in stock? thank you", "could you please confirm availability", "what's the stock of it", "is stock running out",
            "i'm interested, is it still available", "is this lovely thing available", "how many pieces are left", "sorry to bother you, is it in stock", "let me know if it's in stock",
            "is that one sold out", "can one still order it", "would you still have one", "is this on stock", "hiya still available?", "whats the quantity in stock", "is ur product in stock",
        ),
        "zh": (
            "您好，请问这件商品有货吗？", "亲亲有货吗", "有货？", "劳驾问下库存", "单件还有吗", "这个库存是多少", "想要一个，还有吗", "这么好看的还有货吗", "还有几件货", "打扰了，这个有货吗",
            "把库存告诉我", "那个卖完了吗", "是不是没货了", "你还有存货吗", "在库数量多少，库存", "嗨有货吗", "全部库存多少", "你家产品有现货吗",
        ),
    },
    "warranty": {
        "en": (
            "Good day. Does this product have a warranty, please?", "u give warranty?", "warranty? thank you", "could you please state the warranty period", "what's the warranty of it",
            "for what period is it guaranteed", "i'm interested, is there a warranty", "sorry to bother you, how long is the warranty", "let me know the warranty", "is that under warranty",
            "how long do you guarantee it", "would it be under guarantee", "hiya warranty?", "is ur product guaranteed",
        ),
        "zh": (
            "您好，请问这件商品保修多久？", "亲亲保修吗", "有保修？", "劳驾问下质保", "这个保修期是多少", "想要一个，保修吗", "打扰了，这个保修几年", "把保修期告诉我", "是不是有质保",
            "你家保修多久", "质保多久啊", "嗨保修多久", "全国保修吗，保多久", "你家产品保修几年",
        ),
    },
    "gtin": {
        "en": (
            "Good day. What is the barcode of this product, please?", "barcode? thank you", "could you please state the GTIN", "what's the ean of it", "i'm listing it, what's the upc",
            "sorry to bother you, what is the barcode", "let me know the barcode", "barcode digits please", "hiya barcode?", "ur product's ean?",
        ),
        "zh": ("您好，请问这件商品的条码是多少？", "亲亲条码多少", "条码是？", "劳驾问下条形码", "这个条形码是多少", "我要上架，条码多少", "打扰了，条码是多少", "把条码告诉我", "嗨条码多少", "你家产品条码"),
    },
    "weight": {
        "en": (
            "Good day. How heavy is this product, please?", "weight? thank you", "could you please state the weight", "what's the weight of a single piece", "i'm interested, how heavy is it",
            "sorry to bother you, what does it weigh", "let me know the weight", "how heavy is that", "hiya how heavy", "how much does ur product weigh",
        ),
        "zh": ("您好，请问这件商品多重？", "亲亲多重", "重量是？", "劳驾问下重量", "单件多重", "想要一个，多重", "打扰了，这个多重", "把重量告诉我", "嗨多重", "你家产品多重"),
    },
    "material": {
        "en": (
            "Good day. What is this product made of, please?", "material? thank you", "could you please state the material", "what's the material of it", "i'm interested, what is it made of",
            "sorry to bother you, what material is it", "let me know the material", "what is that made of", "hiya what's it made of", "what's ur product made of",
        ),
        "zh": ("您好，请问这件商品是什么材质？", "亲亲什么材质", "材质是？", "劳驾问下材质", "这个材料是什么", "想要一个，什么料的", "打扰了，这个什么做的", "把材质告诉我", "嗨什么材质", "你家产品什么材质"),
    },
    "origin": {
        "en": (
            "Good day. Where is this product made, please?", "origin? thank you", "could you please state the country of origin", "i'm interested, where is it from", "let me know the origin",
            "where is that made", "hiya where's it from", "where's ur product made",
        ),
        "zh": ("您好，请问这件商品产地是哪里？", "亲亲哪里产的", "产地是？", "劳驾问下产地", "打扰了，这个哪里产的", "把产地告诉我", "嗨哪里产的", "你家产品产地"),
    },
    "power": {
        "en": ("Good day. What is the power of this product, please?", "wattage? thank you", "could you please state the wattage", "let me know the power", "hiya how many watts"),
        "zh": ("您好，请问这件商品功率多少？", "亲亲多少瓦", "功率是？", "劳驾问下功率", "把功率告诉我"),
    },
    "noise level": {
        "en": ("Good day. What is the noise level, please?", "noise level? thank you", "could you please state the noise level", "let me know the noise level", "hiya noise level?"),
        "zh": ("您好，请问噪音等级是多少？", "亲亲噪音等级多少", "噪音等级是？", "劳驾问下噪音等级", "把噪音等级告诉我"),
    },
    "": {
        "en": (
            "Good day. Which colour is this, please?", "colour? thank you", "could you please name this object", "is it brown", "how many objects does the photo show", "what does it say on the side",
            "does it have a pattern", "what would you call this", "which kind of lamp is this", "how many of them can you see", "is there text on it", "does it have laces", "is this a guitar",
            "what colour is the lid", "how many socks are there", "what do you take for delivery", "how much is express shipping", "could i have ten percent off", "is it reduced",
            "how much if i take thirty", "how much did this cost when it came out", "what would a cheaper one cost", "do you have it in brown", "have you size 42", "when do new ones come in",
            "how would i go about a warranty repair", "does the warranty card come in the box", "is the barcode on the bottom", "can i scan the barcode for a discount", "how much can it weigh at most on top",
            "is the material nice to touch", "does the material smell", "is it light enough for travel", "what weight does the shelf hold", "what if it does not fit", "do you send to canada",
            "will it be here by friday", "can it be washed hot", "is it for men or women", "would you buy it", "have a nice day", "perfect", "wow", "which one is most popular", "is it as big as a car",
            "is there a picture of the back", "what is under it", "is a piece missing", "does it have a pocket", "is this drawn",
        ),
        "zh": (
            "您好，请问是哪个颜色？", "颜色？谢谢", "请说出这个物体", "是棕色吗", "照片里有多少物体", "侧面写了什么", "有没有图案", "这个怎么称呼", "是哪种台灯", "你能看到多少个", "上面有字吗", "有鞋带吗", "这是吉他吗",
            "盖子什么颜色", "有几只袜子", "送货费怎么算", "加急运费多少", "能打九折吗", "降价了吗", "买三十个多少钱", "刚上市时多少钱", "便宜的那款多少钱", "有棕色的吗", "有42码吗", "新货什么时候来",
            "怎么去保修", "保修卡在盒子里吗", "条码在底部吗", "扫条码有优惠吗", "上面最多放多重", "材质手感好吗", "材质有味道吗", "够轻便吗", "架子能承多重", "不合适怎么办", "发加拿大吗",
            "周五前能到吗", "能热水洗吗", "男款还是女款", "你会买吗", "祝你愉快", "完美", "哇", "哪个最受欢迎", "有汽车那么大吗", "有背面的图吗", "下面是什么", "是不是少了一块", "有没有口袋", "这是画的吗",
        ),
    },
}  # fmt: skip
