/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains (docs/spec/07-granting.md Section 7.5.2): which links an attacker can put together so that a
 * reader takes them. The producer and one delegate are honest, and sign only what is in the table
 * below. The attacker is a delegate as well: it has all links that were ever made, signs what it
 * likes with its own key, and orders links as it likes. Spans are masks of two epochs.
 *
 * What the honest ones allow is kept beside the reader's own checks, and compared at the end.
 * README.md says what stands for what, and what the macros break.
 */

#define PRODUCER 0
#define HONEST 1             /* a delegate */
#define ATTACKER 2           /* a delegate as well */
#define READER 3

#define READ 1
#define SHARE 2
#define ENDED 0              /* ends, later is more; ENDED lies in the past */
#define SOON 1
#define NEVER 2
#define NO_LINK 0
#define FORGED 10

#define MAX_LINKS 4
#define within(inner, outer) (((inner) & ~(outer)) == 0)
#define least(a, b) ((a) < (b) -> (a) : (b))

/* The link that was put last: what it says, and whose key signed it. */
byte which, signer, issuer, grantee, generation, span, rights, depth, ending, parent
/* The one before. */
byte upWhich, upGrantee, upGeneration, upSpan, upRights, upDepth, upEnding

/* What the honest signers allow below the links that were put so far. */
byte allowedSpan = 3, allowedEnding = NEVER, allowedLinks = MAX_LINKS, expectedSigner = PRODUCER
bool isWrong                 /* something that no honest signer meant */

byte count
bool isRefused, isAccepted
bool isHonestRevoked

inline link(w, s, to, g, sp, r, d, e, under) {
  which = w; signer = s; issuer = s; grantee = to; generation = g; span = sp; rights = r; depth = d;
  ending = e; parent = under
}

/* Everything that honest keys ever signed. */
inline honestLink() {
  if
  :: link(1, PRODUCER, HONEST, 0, 1, SHARE, 3, NEVER, NO_LINK)
  :: link(2, PRODUCER, HONEST, 0, 3, SHARE, 2, SOON, NO_LINK)
  :: link(3, PRODUCER, ATTACKER, 1, 3, SHARE, 3, NEVER, NO_LINK)    /* another generation */
  :: link(4, PRODUCER, ATTACKER, 0, 1, READ, 0, NEVER, NO_LINK)
  :: link(5, PRODUCER, ATTACKER, 0, 2, SHARE, 1, ENDED, NO_LINK)
  :: link(6, HONEST, ATTACKER, 0, 1, SHARE, 2, NEVER, 1)
  :: link(7, HONEST, ATTACKER, 0, 2, SHARE, 1, SOON, 2)
  :: link(8, HONEST, READER, 0, 2, READ, 0, SOON, 2)
  :: link(9, PRODUCER, HONEST, 0, 3, SHARE, 3, NEVER, NO_LINK)      /* granted anew */
  fi
}

/* What the attacker signs says anything. It may name any parent that it has seen. */
inline forgedLink() {
  which = FORGED;
  signer = ATTACKER;
  select(issuer: PRODUCER .. ATTACKER);
  select(grantee: ATTACKER .. READER);
  select(generation: 0 .. 1);
  select(span: 1 .. 3);
  select(rights: READ .. SHARE);
  if
  :: rights == READ -> depth = 0
  :: else -> select(depth: 1 .. 3)
  fi;
  select(ending: ENDED .. NEVER);
  if
  :: parent = upWhich
  :: parent = NO_LINK
  fi
}

/* Notes what the honest signer of this link, if it is one, allows below it. */
inline note() {
  isWrong = isWrong || (count == 0 && signer != PRODUCER);
  isWrong = isWrong || (count > 0 && signer != expectedSigner);
  isWrong = isWrong || allowedLinks == 0;
  allowedLinks = (allowedLinks > 0 -> allowedLinks - 1 : 0);
  if
  :: which != FORGED ->
       isWrong = isWrong || generation != 0 || ending == ENDED || parent != upWhich;
       isWrong = isWrong || (isHonestRevoked && signer == HONEST);
       allowedSpan = allowedSpan & span;
       allowedEnding = least(allowedEnding, ending);
       allowedLinks = least(allowedLinks, depth);
  :: else
  fi;
  expectedSigner = grantee
}

/* The reader's rules, in the order of Section 7.5.2. */
inline check() {
  if
  :: count == 0 ->
#ifndef SKIP_FIRST
       isRefused = isRefused || parent != NO_LINK || issuer != PRODUCER;
#endif
       skip
  :: else ->
#ifndef SKIP_PARENT
       isRefused = isRefused || parent != upWhich;
#endif
#ifndef SKIP_ISSUER
       isRefused = isRefused || issuer != upGrantee;
#endif
#ifndef SKIP_GENERATION
       isRefused = isRefused || generation != upGeneration;
#endif
#ifndef SKIP_RIGHTS
       isRefused = isRefused || upRights != SHARE;
#endif
#ifndef SKIP_DEPTH
       isRefused = isRefused || depth >= upDepth;
#endif
#ifndef SKIP_SPAN
       isRefused = isRefused || !within(span, upSpan);
#endif
#ifndef SKIP_END
       isRefused = isRefused || ending > upEnding;
#endif
       skip
  fi;
#ifndef SKIP_ENDED
  isRefused = isRefused || ending == ENDED;
#endif
#ifndef SKIP_AUTHOR
  isRefused = isRefused || signer != issuer;
#endif
#ifndef SKIP_REVOKED
  isRefused = isRefused || (count > 0 && isHonestRevoked && issuer == HONEST);
#endif
  skip
}

active proctype Attack() {
  if
  :: isHonestRevoked = true
  :: skip
  fi;
  do
  :: count < MAX_LINKS && !isRefused ->
     atomic {
       if
       :: honestLink()
       :: forgedLink()
       fi;
       note();
       check();
       count++;
       upWhich = which; upGrantee = grantee; upGeneration = generation; upSpan = span;
       upRights = rights; upDepth = depth; upEnding = ending;
       issuer = 0; signer = 0; parent = 0
     }
  :: atomic {
       count > 0 && !isRefused && upGrantee == READER && upGeneration == 0 ->
       isAccepted = true;
       assert(!isWrong);
       assert(within(upSpan, allowedSpan));
       assert(upEnding <= allowedEnding)
     }; break
  :: isRefused -> break
  od
}

/* Fails where nothing is ever accepted: the other checks would hold for nothing. */
#ifdef REACHABLE
ltl never_accepted { [] !isAccepted }
#endif
