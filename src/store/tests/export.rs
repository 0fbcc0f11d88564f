//! The state as JSON.

use super::*;

const WANTED: &str = r#"{
"schema": 2,
"node": "0123456789abcdef",
"rolled_up_before": 498672,
"expired_before": 498408,
"events_generation": 1,
"sources": [
  {"formats":[],"gaps_left_out":0,"name":"app","node":null,"tier":null},
  {"formats":["combined","$remote_addr \"$request\""],"gaps_left_out":0,"name":"edge","node":"lb1","tier":"edge"}
],
"streams": [
  {"chunks":["0000000000000000","0000000000000001","ffffffffffffffff"],"crc32":"ffffffff","device":18446744073709551615,"finished":false,"head_hash":"ffffffffffffffff","head_length":4096,"id":1,"inode":12,"last_us":1795132799123456,"length":3145728,"offset":3145728,"path":"/var/log/nginx/access.log","seen_us":1795132800000000,"size":3200000,"skipping":true,"source":"edge","tail_hash":"8000000000000000"}
],
"periods": [
  {"dirty":true,"generation":2,"period":"2026-11-20T00:00:00Z"},
  {"dirty":true,"generation":1,"period":"2026-11-20"},
  {"dirty":false,"generation":1,"period":"2026-11-22T00:00:00Z"}
],
"rollups": [
  {"bytes":"0100000000000000","period":"2026-11-20","source":"edge"},
  {"bytes":"0300000000000000","period":"2026-11-22T00:00:00Z","source":"app"},
  {"bytes":"0200000000000000","period":"2026-11-22T00:00:00Z","source":"edge"}
],
"counts": [
  {"count":5,"kind":"records","period":"2026-11-22T00:00:00Z","source":"edge"},
  {"count":1,"kind":"rejects","period":"2026-11-22T00:00:00Z","source":"edge"}
],
"events": [
  {"bytes":"ff00000000000000","source":"edge"}
],
"gaps": [
  {"found_us":1795132800000000,"offset":1,"path":"/var/log/nginx/access.log.1","source":"edge","stream":1,"unread_bytes":null,"why":"removed before it was read to its end"}
],
"ban_memory": [
  {"bytes":"0708","generation":1}
],
"ban_lanes": [
  {"bytes":"010201","stream":1}
],
"ban_hits": [
  {"hits":2,"hour":"2026-11-22T00:00:00Z","rule":"probing"}
],
"ban_lists": [
  {"basis":"ffffffffffffffff","digest":"8000000000000000","entries":2,"format":"nftables","next_end_us":1795132900000000,"path":"/var/lib/logstat/bans.nft","published_us":1795132800000000,"settings":"0000000000000001","told":true,"written":"0000000000000003"}
]
}
"#;

#[test]
fn an_export_holds_everything_in_order() {
    let lab = Lab::new();
    let store = lab.open();
    store.connection.execute("UPDATE meta SET value = '0123456789abcdef' WHERE name = 'node'", ()).unwrap();
    drop(store);
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 1);
    let mut batch = store.begin().unwrap();
    batch.put_source(&edge()).unwrap();
    batch.add_stream(&stream()).unwrap();
    batch.merge_hour("edge", MIDNIGHT + 48, grow(2)).unwrap();
    batch.merge_hour("app", MIDNIGHT + 48, grow(3)).unwrap();
    batch.merge_events("edge", add(255)).unwrap();
    batch.add_counts("edge", MIDNIGHT + 48, [("rejects", 1), ("records", 5)]).unwrap();
    batch.add_gap(&gap(1)).unwrap();
    batch.put_ban_memory(vec![7, 8]).unwrap();
    batch.add_lane(&super::bans::lane(1)).unwrap();
    batch.add_ban_hits(MIDNIGHT + 48, "probing", 2).unwrap();
    batch.commit().unwrap();
    store.note_published(&super::bans::list()).unwrap();
    let dirty = store.dirty().unwrap();
    store.published(&dirty[1..]).unwrap();
    let retention = Retention { keep_hours: Some(24), keep_days: Some(12) };
    store.prune(retention, MIDNIGHT + 49, &mut add_up).unwrap();
    let mut json = Vec::new();
    store.export(&mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    assert_eq!(json, WANTED);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
}

#[test]
fn an_empty_state_is_a_document_too() {
    let store = Lab::new().open();
    let mut json = Vec::new();
    store.export(&mut json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((json["node"].as_str(), &json["gaps"]), (Some(store.node()), &serde_json::json!([])));
}
