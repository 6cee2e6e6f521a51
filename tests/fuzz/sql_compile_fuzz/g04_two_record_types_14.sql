CREATE STREAM "Order_Stream" ("order_id" INTEGER, "ticker" VARCHAR(16), "price" DOUBLE, "record_type" VARCHAR(16));
CREATE PUMP "Order_Pump" AS INSERT INTO "Order_Stream"
  SELECT STREAM "Oid", "Oticker", "Oprice", "RecordType" FROM S WHERE "RecordType" = 'Order';
CREATE STREAM "Trade_Stream" ("trade_id" INTEGER, "ticker" VARCHAR(16), "price" DOUBLE);
CREATE PUMP "Trade_Pump" AS INSERT INTO "Trade_Stream"
  SELECT STREAM "Tid", "Tticker", "Tprice" FROM S WHERE "RecordType" = 'Trade';
CREATE STREAM O ("ticker" VARCHAR(16), "trade_count" BIGINT);
CREATE PUMP "Count_Pump" AS INSERT INTO O
  SELECT STREAM "ticker", COUNT(*) AS trade_count FROM "Trade_Stream"
  GROUP BY "ticker", FLOOR("Trade_Stream".ROWTIME TO MINUTE);
